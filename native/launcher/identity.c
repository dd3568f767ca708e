// Who the function's processes are: an account without a name on the host, without groups and capabilities.

#include "launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BIT(capability) (1ull << (capability))

// What it takes to do without a user namespace.
const unsigned long long capabilities_of_launcher = BIT(CAP_SYS_ADMIN) | BIT(CAP_NET_ADMIN) | BIT(CAP_SETUID) |
                                                    BIT(CAP_SETGID) | BIT(CAP_SETPCAP) | BIT(CAP_KILL) |
                                                    BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE);
// What pid 1 goes on with: to change the identity of those it starts, to raise their limits, to end them.
const unsigned long long capabilities_of_init =
    BIT(CAP_SETUID) | BIT(CAP_SETGID) | BIT(CAP_KILL) | BIT(CAP_SYS_RESOURCE);

static void write_account(int etc, const char *name, const char *content) {
  int fd = openat(etc, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
  size_t length = strlen(content);
  if (fd < 0 || write(fd, content, length) != (ssize_t)length) fail("accounts", "write /etc/%s", name);
  close(fd);
}

// /etc/passwd and /etc/group with the name that AWS's environments give the function's user. os.homedir() and its like
// fail without an entry.
void account_texts(long uid, long gid, char passwd[ACCOUNT_BYTES_MAX], char group[ACCOUNT_BYTES_MAX]) {
  snprintf(passwd, ACCOUNT_BYTES_MAX,
           "root:x:0:0:root:/root:/sbin/nologin\nsbx_user1051:x:%ld:%ld::/home/sbx_user1051:/sbin/nologin\n", uid, gid);
  snprintf(group, ACCOUNT_BYTES_MAX, "root:x:0:\nsbx_user1051:x:%ld:\n", gid);
}

void write_accounts(int root, long uid, long gid) {
  char passwd[ACCOUNT_BYTES_MAX], group[ACCOUNT_BYTES_MAX];
  int etc = ensure_directory(root, "/etc");
  if (etc < 0) fail("accounts", "make /etc");
  account_texts(uid, gid, passwd, group);
  write_account(etc, "passwd", passwd);
  write_account(etc, "group", group);
  close(etc);
}

static int set_capabilities(unsigned long long mask) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  memset(data, 0, sizeof data);
  for (int i = 0; i < 2; i++) data[i].effective = data[i].permitted = (unsigned)(mask >> (32 * i));
  return (int)syscall(SYS_capset, &header, data);
}

static unsigned long long permitted_capabilities(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data) < 0) return 0;
  return data[0].permitted | (unsigned long long)data[1].permitted << 32;
}

bool has_capabilities(unsigned long long mask) { return geteuid() == 0 && (permitted_capabilities() & mask) == mask; }

// Keeps those of `mask` that the process has.
int keep_capabilities(unsigned long long mask) {
  // A filter needs the one or the other.
  if (!stands(WALL_NO_NEW_PRIVS)) mask |= BIT(CAP_SYS_ADMIN);
  return set_capabilities(permitted_capabilities() & mask);
}

// For this process and all that come from it: no program can bring a capability back, nor does uid 0 mean any.
int drop_bounding_set(void) {
  for (int capability = 0; capability < 64; capability++) {
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) {
      if (errno == EINVAL && capability > CAP_SETFCAP) break;
      return -1;
    }
  }
  return prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED, 0, 0, 0);
}

// For a test that leaves the wall away: what the process may do, the program that it becomes may too.
static int pass_capabilities_on(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data) < 0) return -1;
  for (int i = 0; i < 2; i++) data[i].effective = data[i].inheritable = data[i].permitted;
  if (syscall(SYS_capset, &header, data) < 0) return -1;
  for (int capability = 0; capability <= CAP_LAST_CAP; capability++) {
    if ((permitted_capabilities() & BIT(capability)) == 0) continue;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0) return -1;
  }
  return 0;
}

// Turns a process that pid 1 has forked into the function's user. In a user namespace the groups stay, for an ordinary
// user may not give them up; they are of no use where no file of theirs is mounted.
int become(bool user_namespace, long uid, long gid) {
  if (!stands(WALL_CAPABILITIES) && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return -1;
  if (stands(WALL_USER)) {
    if (!user_namespace && syscall(SYS_setgroups, 0, NULL) < 0) return -1;
    if (syscall(SYS_setresgid, gid, gid, gid) < 0 || syscall(SYS_setresuid, uid, uid, uid) < 0) return -1;
  }
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return -1;
  if ((stands(WALL_CAPABILITIES) ? set_capabilities(0) : pass_capabilities_on()) < 0) return -1;
  return stands(WALL_NO_NEW_PRIVS) ? prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) : 0;
}
