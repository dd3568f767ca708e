// /proc and /dev. There is no /sys and no /dev/shm, as in AWS's environments.

#include "launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

// Where the kernel shows more than a function needs. All of it belongs to the host's root, so that these are a second
// wall behind the function's identity.
static const char *const read_only[] = {"/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs",
                                        "/proc/acpi", "/proc/scsi", NULL};
const char *const hidden_in_proc[] = {"/proc/kcore",      "/proc/keys",        "/proc/key-users",  "/proc/timer_list",
                                     "/proc/latency_stats", "/proc/sched_debug", "/proc/kallsyms", "/proc/kpagecount",
                                     "/proc/kpageflags", "/proc/kpagecgroup", NULL};

// Mounts `tree` on what lies at `path` already; what the kernel does not have needs no mask.
static void cover(int root, const char *path, int tree, unsigned long long attributes) {
  int target = open_in_root(root, path, O_PATH | O_NOFOLLOW);
  if (target < 0) fail("proc", "%s", path);
  if (restrict_tree(tree, attributes, false) < 0) fail("proc", "restrict %s", path);
  if (attach(tree, target) < 0) fail("proc", "cover %s", path);
  close(target);
  close(tree);
}

static bool exists(int root, const char *path) {
  int fd = open_in_root(root, path, O_PATH | O_NOFOLLOW);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

// A new instance for the new pid namespace. The kernel refuses it to an ordinary user whose own /proc is partly
// covered, which is how containers come: that must be said, for the sandbox would be none without it.
void mount_proc(int root) {
  static const char *const options[] = {NULL};
  int proc = stands(WALL_PID)
                 ? new_filesystem("proc", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
                 : clone_tree(AT_FDCWD, "/proc", true);
  if (proc < 0) fail("proc", "mount a new /proc (a container around this one may forbid it)");
  int target = ensure_directory(root, "/proc");
  if (target < 0 || attach(proc, target) < 0) fail("proc", "attach /proc");
  close(target);
  close(proc);
  unsigned long long attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_RDONLY;
  int mounted = open_in_root(root, "/proc", O_PATH | O_DIRECTORY);
  if (mounted < 0) fail("proc", "open /proc");
  for (int i = 0; stands(WALL_PROC_READONLY) && read_only[i] != NULL; i++) {
    if (!exists(root, read_only[i])) continue;
    int tree = clone_tree(mounted, read_only[i] + sizeof "/proc/" - 1, false);
    if (tree < 0) fail("proc", "copy %s", read_only[i]);
    cover(root, read_only[i], tree, attributes);
  }
  for (int i = 0; stands(WALL_PROC_MASKS) && hidden_in_proc[i] != NULL; i++) {
    if (!exists(root, hidden_in_proc[i])) continue;
    int tree = clone_tree(AT_FDCWD, "/dev/null", false);
    if (tree < 0) fail("proc", "copy /dev/null");
    cover(root, hidden_in_proc[i], tree, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  }
  close(mounted);
}

// The host's own nodes, because an ordinary user may not make any.
void mount_devices(int root) {
  static const char *const nodes[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", NULL};
  static const char *const links[] = {"/proc/self/fd",   "fd",     "/proc/self/fd/0", "stdin",
                                      "/proc/self/fd/1", "stdout", "/proc/self/fd/2", "stderr", NULL};
  int dev = ensure_directory(root, "/dev");
  if (dev < 0) fail("dev", "make /dev");
  if (!stands(WALL_DEVICES)) {
    int tree = clone_tree(AT_FDCWD, "/dev", true);
    if (tree < 0 || attach(tree, dev) < 0) fail("dev", "mount the host's /dev");
    return;
  }
  for (int i = 0; nodes[i] != NULL; i++) {
    int target = ensure_file(root, nodes[i]);
    if (target < 0) fail("dev", "make %s", nodes[i]);
    int tree = clone_tree(AT_FDCWD, nodes[i], false);
    if (tree < 0) fail("dev", "copy %s", nodes[i]);
    if (restrict_tree(tree, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, false) < 0) fail("dev", "restrict %s", nodes[i]);
    if (attach(tree, target) < 0) fail("dev", "attach %s", nodes[i]);
    close(target);
    close(tree);
  }
  for (int i = 0; links[i] != NULL; i += 2) {
    if (symlinkat(links[i], dev, links[i + 1]) < 0) fail("dev", "link /dev/%s", links[i + 1]);
  }
  close(dev);
}
