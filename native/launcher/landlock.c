// Landlock, a second wall behind the mounts: whatever a process gets mounted or finds writable, it reads and runs what
// is in the root and writes where it is meant to. It takes no privileges, and a kernel without it (before 5.13, or built
// or booted without) is no hindrance. What a function restricts itself to comes on top.

#include "launcher.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// Numbers of the kernel's interface, of which the C library's headers know an older state.
#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH 1
#define SCOPE_ABSTRACT_UNIX_SOCKET 1ull

#define EXECUTE (1ull << 0)
#define WRITE_FILE (1ull << 1)
#define READ_FILE (1ull << 2)
#define READ_DIR (1ull << 3)
#define MAKE_CHAR (1ull << 6)
#define MAKE_BLOCK (1ull << 11)
#define REFER (1ull << 13)
#define TRUNCATE (1ull << 14)
#define IOCTL_DEV (1ull << 15)
#define OF_FILES (EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV)

#define READ (EXECUTE | READ_FILE | READ_DIR)
// /tmp takes everything but device nodes.
#define KEEP(all) ((all) & ~(MAKE_CHAR | MAKE_BLOCK | IOCTL_DEV))

// Before the second version nothing could be renamed from one directory to another.
#define ABI_LEAST 2
#define ABI_TRUNCATE 3
#define ABI_IOCTL_DEV 5
#define ABI_SCOPE 6

struct ruleset {
  unsigned long long files, network, scoped;
};

struct path_rule {
  unsigned long long allowed;
  int parent;
} __attribute__((packed));

// The version of the kernel's Landlock; 0 when there is none, or one of no use here.
int landlock_version(void) {
  int version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
  return version < ABI_LEAST ? 0 : version;
}

static unsigned long long known_to(int version) {
  unsigned long long all = (REFER << 1) - 1;
  if (version >= ABI_TRUNCATE) all |= TRUNCATE;
  if (version >= ABI_IOCTL_DEV) all |= IOCTL_DEV;
  return all;
}

static int allow(int ruleset, const char *path, unsigned long long allowed) {
  struct stat status;
  int fd = open(path, O_PATH | O_CLOEXEC);
  // What the setup did not bring needs no rule.
  if (fd < 0) return 0;
  int result = fstat(fd, &status);
  if (result == 0 && !S_ISDIR(status.st_mode)) allowed &= OF_FILES;
  struct path_rule rule = {.allowed = allowed, .parent = fd};
  if (result == 0) result = (int)syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0);
  close(fd);
  return result;
}

static bool is_writable(const struct entry *entry) {
  if (entry->kind != ENTRY_BIND) return entry->kind == ENTRY_TMP || entry->kind == ENTRY_SCRATCH;
  return strcmp(entry->mode, "rw") == 0 || strcmp(entry->mode, "owner") == 0;
}

static int allow_all(int ruleset, const struct setup *setup, unsigned long long known) {
  static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", NULL};
  if (allow(ruleset, "/", READ) < 0) return -1;
  // A process may set what is its own there, such as its name; the rest has its mounts and its owner.
  if (allow(ruleset, "/proc", (WRITE_FILE | TRUNCATE) & known) < 0) return -1;
  for (int i = 0; devices[i] != NULL; i++) {
    if (allow(ruleset, devices[i], (READ_FILE | WRITE_FILE | TRUNCATE | IOCTL_DEV) & known) < 0) return -1;
  }
  for (int i = 0; i < setup->entry_count; i++) {
    const struct entry *entry = &setup->entries[i];
    if (is_writable(entry) && allow(ruleset, entry->path, KEEP(known)) < 0) return -1;
  }
  // A test that has left these walls away wants them all away.
  if (!stands(WALL_DEVICES) && allow(ruleset, "/dev", known) < 0) return -1;
  return stands(WALL_READONLY) ? 0 : allow(ruleset, "/", known);
}

static bool prepared;

// Makes the rules from the setup, inside the finished root; they are kept at a fixed descriptor. Returns -1 with errno.
int prepare_confinement(const struct setup *setup) {
  int version = landlock_version();
  if (version == 0 || !stands(WALL_LANDLOCK)) return 0;
  struct ruleset rules = {.files = known_to(version)};
  // Names of sockets that are no files belong to a network namespace: a wall only where that is the host's.
  if (version >= ABI_SCOPE && setup->network_host) rules.scoped = SCOPE_ABSTRACT_UNIX_SOCKET;
  int ruleset = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
  if (ruleset < 0 || allow_all(ruleset, setup, rules.files) < 0) return -1;
  if (dup3(ruleset, FD_RULESET, O_CLOEXEC) < 0) return -1;
  close(ruleset);
  prepared = true;
  return 0;
}

// Binds this process and all that come from it. Needs no_new_privs or CAP_SYS_ADMIN. Returns -1 with errno.
int confine(void) { return prepared ? (int)syscall(SYS_landlock_restrict_self, FD_RULESET, 0) : 0; }
