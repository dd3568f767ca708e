// Mounts by descriptor. A tree is made or copied, restricted, and only then attached, so that it is never to be seen
// without its restrictions. This needs mount_setattr, which Linux has since 5.12.

#include "launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
// <sys/mount.h> cannot be included beside <linux/mount.h>.
#define DETACH 2
#define PROPAGATE_PRIVATE (1 << 18)

static unsigned long long standing(unsigned long long attributes) {
  if (!stands(WALL_NOSUID)) attributes &= ~(unsigned long long)MOUNT_ATTR_NOSUID;
  if (!stands(WALL_NODEV)) attributes &= ~(unsigned long long)MOUNT_ATTR_NODEV;
  return attributes;
}

// `options` is a list of names and values, NULL for what has none, that ends with NULL; `attributes` are MOUNT_ATTR_*. Returns the descriptor
// of a mount that is attached nowhere yet, or -1.
int new_filesystem(const char *type, const char *const options[], unsigned long long attributes) {
  int context = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  int tree = -1;
  for (int i = 0; options[i] != NULL; i += 2) {
    unsigned command = options[i + 1] == NULL ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
    if (syscall(SYS_fsconfig, context, command, options[i], options[i + 1], 0) < 0) goto done;
  }
  if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) goto done;
  tree = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, (unsigned)standing(attributes));
done:;
  int error = errno;
  close(context);
  errno = error;
  return tree;
}

// Copies the mount at a path (an empty one: at `at` itself), with all that is mounted beneath it when `recursive`.
int clone_tree(int at, const char *path, bool recursive) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  return (int)syscall(SYS_open_tree, at, path, flags);
}

static int set_attributes(int at, const char *path, unsigned flags, struct mount_attr *change) {
  return (int)syscall(SYS_mount_setattr, at, path, flags, change, sizeof *change);
}

int restrict_tree(int tree, unsigned long long attributes, bool recursive) {
  struct mount_attr change = {.attr_set = standing(attributes)};
  return set_attributes(tree, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &change);
}

// Owners of files are translated by the map of a user namespace, in this mount and all beneath it.
int translate_tree(int tree, int user_namespace) {
  struct mount_attr change = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)user_namespace};
  return set_attributes(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &change);
}

int restrict_path(const char *path, unsigned long long attributes) {
  struct mount_attr change = {.attr_set = attributes};
  return set_attributes(AT_FDCWD, path, 0, &change);
}

int attach(int tree, int target) {
  return (int)syscall(SYS_move_mount, tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

// Nothing that is mounted from here on reaches the host, and nothing from there this sandbox.
int make_all_private(void) {
  struct mount_attr change = {.propagation = PROPAGATE_PRIVATE};
  return set_attributes(AT_FDCWD, "/", AT_RECURSIVE, &change);
}

// Makes the root of a mount the process's root, and lets go of the old one.
int enter_root(int root) {
  if (fchdir(root) < 0) return -1;
  // With both names the same the old root lies over the new one, from where it is taken off.
  if (syscall(SYS_pivot_root, ".", ".") < 0) return -1;
  if (syscall(SYS_umount2, ".", DETACH) < 0) return -1;
  return chdir("/");
}
