// Namespaces, and the identity maps of a user namespace.

#include "launcher.h"
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// Like fork(), into new namespaces. The raw call, because no C library offers clone without a stack of one's own; it
// is sound here as the launcher has a single thread and registers nothing to be run at fork.
pid_t clone_into(int flags) { return (pid_t)syscall(SYS_clone, (unsigned long)flags | SIGCHLD, 0, 0, 0, 0); }

int namespace_flags(const struct setup *setup) {
  int flags = CLONE_NEWNS;
  if (stands(WALL_PID)) flags |= CLONE_NEWPID;
  if (stands(WALL_IPC)) flags |= CLONE_NEWIPC;
  if (stands(WALL_UTS)) flags |= CLONE_NEWUTS;
  if (stands(WALL_CGROUP_NAMESPACE)) flags |= CLONE_NEWCGROUP;
  if (!setup->network_host && stands(WALL_NET)) flags |= CLONE_NEWNET;
  if (setup->user_namespace) flags |= CLONE_NEWUSER;
  return flags;
}

static int write_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t count = write(fd, text, strlen(text));
  close(fd);
  return count == (ssize_t)strlen(text) ? 0 : -1;
}

// Called inside the new user namespace, while the process is still dumpable (afterwards its files under /proc belong
// to root). An ordinary user may map his own ids only, and the group only when setgroups is given up.
int write_identity_maps(long uid, long gid, uid_t own_uid, gid_t own_gid) {
  char line[64];
  if (write_file("/proc/self/setgroups", "deny") < 0) return -1;
  snprintf(line, sizeof line, "%ld %u 1\n", gid, own_gid);
  if (write_file("/proc/self/gid_map", line) < 0) return -1;
  snprintf(line, sizeof line, "%ld %u 1\n", uid, own_uid);
  return write_file("/proc/self/uid_map", line);
}
