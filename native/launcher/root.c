// The new root: a small tmpfs that holds mount points, links and short files, read-only once it is complete.

#include "launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void bind_tree(int root, const struct entry *entry, int tree, const char *step, bool is_writable) {
  struct stat status;
  unsigned long long attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  if (!is_writable && stands(WALL_READONLY)) attributes |= MOUNT_ATTR_RDONLY;
  if (tree < 0) fail(step, "open %s", entry->source);
  if (fstat(tree, &status) < 0) fail(step, "look at %s", entry->source);
  if (restrict_tree(tree, attributes, true) < 0) fail(step, "restrict %s", entry->source);
  if (entry->translation >= 0 && translate_tree(tree, entry->translation) < 0) {
    fail(step, "translate the owner of %s (its file system may not know how)", entry->source);
  }
  int target = S_ISDIR(status.st_mode) ? ensure_directory(root, entry->path) : ensure_file(root, entry->path);
  if (target < 0) fail(step, "make the mount point %s", entry->path);
  if (attach(tree, target) < 0) fail(step, "mount %s on %s", entry->source, entry->path);
  close(target);
  close(tree);
}

static void add_bind(int root, const struct entry *entry) {
  if (strcmp(entry->mode, "owner") == 0) {
    int directory = open_shared(entry);
    if (directory < 0) fail("owner", "open the directory %s", entry->source);
    bind_tree(root, entry, clone_tree(directory, "", true), "owner", true);
    close(directory);
    return;
  }
  int tree = clone_tree(AT_FDCWD, entry->source, true);
  if (tree < 0 && errno == ENOENT && strcmp(entry->mode, "ro?") == 0) return;
  bind_tree(root, entry, tree, "bind", strcmp(entry->mode, "rw") == 0);
}

static void add_symlink(int root, const struct entry *entry) {
  const char *name;
  int parent = open_parent(root, entry->path, &name);
  if (parent < 0) fail("symlink", "open the directory of %s", entry->path);
  if (symlinkat(entry->source, parent, name) < 0) fail("symlink", "link %s", entry->path);
  close(parent);
}

static void add_directory(int root, const struct entry *entry) {
  int fd = ensure_directory(root, entry->path);
  if (fd < 0) fail("dir", "make %s", entry->path);
  close(fd);
}

static void add_file(int root, const struct entry *entry) {
  const char *name;
  mode_t mode = (mode_t)strtoul(entry->mode, NULL, 8) & 07777;
  size_t length = strlen(entry->source);
  int parent = open_parent(root, entry->path, &name);
  if (parent < 0) fail("file", "open the directory of %s", entry->path);
  // A synthetic file may be given anew, such as /etc/passwd; a link is not followed.
  if (unlinkat(parent, name, 0) < 0 && errno != ENOENT) fail("file", "replace %s", entry->path);
  int fd = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0) fail("file", "make %s", entry->path);
  if (write(fd, entry->source, length) != (ssize_t)length) fail("file", "write %s", entry->path);
  if (fchmod(fd, mode) < 0) fail("file", "set the mode of %s", entry->path);
  close(fd);
  close(parent);
}

static void add_tmp(int root, const struct entry *entry) {
  const char *const options[] = {"size", entry->source, "nr_inodes", entry->mode, "mode", "1777", NULL};
  int tree = new_filesystem("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  if (tree < 0) fail("tmp", "make a tmpfs of %s bytes", entry->source);
  int target = ensure_directory(root, entry->path);
  if (target < 0) fail("tmp", "make the mount point %s", entry->path);
  if (attach(tree, target) < 0) fail("tmp", "mount %s", entry->path);
  close(target);
  close(tree);
}

static void add_scratch(int root, const struct entry *entry) {
  int target = ensure_directory(root, entry->path);
  if (target < 0) fail("tmp", "make the mount point %s", entry->path);
  if (attach(scratch_tree(), target) < 0) fail("tmp", "mount %s", entry->path);
  close(target);
  close(scratch_tree());
}

static void add_entry(int root, const struct entry *entry) {
  switch (entry->kind) {
    case ENTRY_BIND:
      add_bind(root, entry);
      break;
    case ENTRY_SYMLINK:
      add_symlink(root, entry);
      break;
    case ENTRY_DIR:
      add_directory(root, entry);
      break;
    case ENTRY_FILE:
      add_file(root, entry);
      break;
    case ENTRY_TMP:
      add_tmp(root, entry);
      break;
    case ENTRY_SCRATCH:
      add_scratch(root, entry);
      break;
    case ENTRY_GATE:
      make_gate(root, entry->path);
      break;
  }
}

// As if it had been assigned to a process that waits, so that the order of the mounts does not tell.
static bool is_late(const struct entry *entry) { return entry->kind == ENTRY_BIND && strcmp(entry->mode, "late") == 0; }

// Builds the root that the setup describes, enters it and leaves nothing of the host's but what was bound.
void build_root(const struct setup *setup) {
  static const char *const options[] = {"size", ROOT_BYTES_MAX, "nr_inodes", ROOT_INODES_MAX, "mode", "755", NULL};
  if (make_all_private() < 0) {
    if (errno == ENOSYS) fail("mounts", "this kernel is older than Linux 5.12");
    fail("mounts", "make all mounts private");
  }
  int target = open(setup->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (target < 0) fail("root", "open %s", setup->root);
  int root = new_filesystem("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  if (root < 0) fail("root", "make a tmpfs");
  if (attach(root, target) < 0) fail("root", "mount on %s", setup->root);
  close(target);
  long uid = setup->user_namespace ? setup->uid : setup->host_uid;
  long gid = setup->user_namespace ? setup->gid : setup->host_gid;
  write_accounts(root, uid, gid);
  for (int i = 0; i < setup->entry_count; i++) {
    if (!is_late(&setup->entries[i])) add_entry(root, &setup->entries[i]);
  }
  mount_devices(root);
  mount_proc(root);
  for (int i = 0; i < setup->entry_count; i++) {
    if (is_late(&setup->entries[i])) add_entry(root, &setup->entries[i]);
  }
  if (enter_root(root) < 0) fail("root", "enter the new root");
  close(root);
  if (stands(WALL_READONLY) && restrict_path("/", MOUNT_ATTR_RDONLY) < 0) fail("root", "make the root read-only");
}
