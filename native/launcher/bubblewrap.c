// Where this program may make no namespaces but bubblewrap may: bubblewrap makes them and the root, as an AppArmor profile
// of its own allows, and then runs this program anew, as pid 1, for everything else. What bubblewrap does not know is
// left away: the number of files in /tmp, a way out of its network, directories shared with their owner.

#include "launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define ARGUMENTS_MAX (8 * ENTRIES_MAX)
#define NUMBER_BYTES_MAX 16

static const char *arguments[ARGUMENTS_MAX + 1];
static int argument_count;

static void add(const char *argument) {
  if (argument_count == ARGUMENTS_MAX) refuse("bubblewrap", "more than %d arguments", ARGUMENTS_MAX);
  arguments[argument_count++] = argument;
}

static void add_pair(const char *option, const char *value) {
  add(option);
  add(value);
}

static void add_triple(const char *option, const char *source, const char *path) {
  add_pair(option, source);
  add(path);
}

static const char *text_of(long number) {
  char *text = malloc(NUMBER_BYTES_MAX);
  if (text == NULL) fail("bubblewrap", "find memory");
  snprintf(text, NUMBER_BYTES_MAX, "%ld", number);
  return text;
}

// A file in memory, open at its beginning, which outlives the change of programs.
static int hold(const char *bytes, size_t length) {
  int fd = (int)memfd_create("lambdad", 0);
  if (fd < 0 || write(fd, bytes, length) != (ssize_t)length || lseek(fd, 0, SEEK_SET) < 0) {
    fail("bubblewrap", "keep a file in memory");
  }
  return fd;
}

static void add_file(const char *path, const char *mode, const char *content) {
  add_pair("--perms", mode);
  add_triple("--ro-bind-data", text_of(hold(content, strlen(content))), path);
}

static void add_entry(const struct entry *entry) {
  switch (entry->kind) {
    case ENTRY_BIND:
      if (strcmp(entry->mode, "owner") == 0) refuse("owner", "bubblewrap cannot share %s with its owner", entry->source);
      add_triple(strcmp(entry->mode, "rw") == 0    ? "--bind"
                 : strcmp(entry->mode, "ro?") == 0 ? "--ro-bind-try"
                                                   : "--ro-bind",
                 entry->source, entry->path);
      break;
    case ENTRY_SYMLINK:
      add_triple("--symlink", entry->source, entry->path);
      break;
    case ENTRY_DIR:
      add_pair("--dir", entry->path);
      break;
    case ENTRY_FILE:
      add_file(entry->path, entry->mode, entry->source);
      break;
    case ENTRY_TMP:
      add_pair("--size", entry->source);
      add_pair("--perms", "1777");
      add_pair("--tmpfs", entry->path);
      break;
    case ENTRY_SCRATCH:
      refuse("tmp", "a disk takes root");
    case ENTRY_GATE:
      refuse("gate", "bubblewrap makes no gate");
  }
}

static void add_namespaces(const struct setup *setup) {
  static const char *const always[] = {"--unshare-user", "--unshare-pid",     "--unshare-ipc", "--unshare-uts",
                                       "--unshare-cgroup-try", "--as-pid-1", "--die-with-parent", "--clearenv", NULL};
  for (int i = 0; always[i] != NULL; i++) add(always[i]);
  if (!setup->network_host) add("--unshare-net");
  add_pair("--uid", text_of(setup->uid));
  add_pair("--gid", text_of(setup->gid));
  if (setup->hostname != NULL) add_pair("--hostname", setup->hostname);
}

// In a child of the outer process: becomes bubblewrap, which becomes this program's "inside".
_Noreturn void run_bubblewrap(const struct setup *setup) {
  static const int kept[] = {FD_COMMANDS,      FD_REPLIES,         FD_STDOUT_WRITE,  FD_STDERR_WRITE,
                             FD_LOG_WRITE,     FD_EXTENSION_WRITE, FD_LIFELINE_READ, FD_MESSAGE,
                             FD_OWN_PROGRAM};
  char passwd[ACCOUNT_BYTES_MAX], group[ACCOUNT_BYTES_MAX], own[32];
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) fail("pdeathsig", "follow the outer process");
  add(setup->bubblewrap);
  add_namespaces(setup);
  account_texts(setup->uid, setup->gid, passwd, group);
  add_file("/etc/passwd", "0644", passwd);
  add_file("/etc/group", "0644", group);
  for (int i = 0; i < setup->entry_count; i++) add_entry(&setup->entries[i]);
  add_pair("--proc", "/proc");
  for (int i = 0; hidden_in_proc[i] != NULL; i++) {
    // Bubblewrap lets nobody open a device that it binds: that is what is wanted here.
    if (access(hidden_in_proc[i], F_OK) == 0) add_triple("--ro-bind", "/dev/null", hidden_in_proc[i]);
  }
  add_pair("--dev", "/dev");
  add_pair("--remount-ro", "/");
  snprintf(own, sizeof own, "/proc/self/fd/%d", FD_OWN_PROGRAM);
  add_pair("--", own);
  add_pair("inside", text_of(setup->outer_pid));
  if (dup2(hold(frame.body, frame.length), FD_MESSAGE) < 0) fail("bubblewrap", "place the message");
  if (dup2(open("/proc/self/exe", O_PATH), FD_OWN_PROGRAM) < 0) fail("bubblewrap", "find the own program");
  for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
    if (fcntl(kept[i], F_SETFD, 0) < 0) fail("bubblewrap", "keep descriptor %d", kept[i]);
  }
  char *const none[] = {NULL};
  execve(setup->bubblewrap, (char *const *)arguments, none);
  fail("bubblewrap", "run %s", setup->bubblewrap);
}

// The command "inside PID": pid 1 in what bubblewrap has made, told by the outer process's copy of the setup.
int run_inside(const char *outer_pid) {
  static struct setup setup;
  long number;
  ssize_t length = read(FD_MESSAGE, frame.body, sizeof frame.body);
  if (length <= 0 || !parse_number(outer_pid, 1, 1 << 30, &number)) refuse("setup", "it is started by lambdad alone");
  frame.length = (size_t)length;
  frame.cursor = 0;
  parse_setup(&setup);
  setup.outer_pid = (pid_t)number;
  close(FD_MESSAGE);
  close(FD_OWN_PROGRAM);
  frame.received = 0;
  run_init(&setup, 0, 0);
}
