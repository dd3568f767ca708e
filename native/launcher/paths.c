// Lookups inside the new root while the old one is still there. RESOLVE_IN_ROOT keeps every link and every ".." within
// it: a package that brings an absolute link cannot move a mount out of the sandbox.

#include "launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RESOLVE_TRIES_MAX 8

int open_in_root(int root, const char *path, int flags) {
  struct open_how how = {
      .flags = (unsigned long long)flags | O_CLOEXEC,
      .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
  };
  int fd = -1;
  // EAGAIN says that something was renamed or mounted on the host during the walk, and asks for another try.
  for (int tries = 0; tries < RESOLVE_TRIES_MAX; tries++) {
    fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
    if (fd >= 0 || errno != EAGAIN) break;
  }
  return fd;
}

// A path of the host, none of whose parts is a link: somebody else may be able to put one there.
int open_without_links(const char *path) {
  struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
  return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

static int ensure_directory_within(int root, const char *path, int depth) {
  char parent[PATH_MAX];
  int fd = open_in_root(root, path, O_PATH | O_DIRECTORY);
  if (fd >= 0 || errno != ENOENT) return fd;
  if (depth == PATH_DEPTH_MAX) {
    errno = ELOOP;
    return -1;
  }
  size_t length = strlen(path);
  if (length >= sizeof parent) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(parent, path, length + 1);
  while (length > 1 && parent[length - 1] == '/') parent[--length] = 0;
  char *slash = strrchr(parent, '/');
  if (slash == NULL || slash[1] == 0) return -1;
  const char *name = slash + 1;
  int above;
  if (slash == parent) {
    above = open_in_root(root, "/", O_PATH | O_DIRECTORY);
  } else {
    *slash = 0;
    above = ensure_directory_within(root, parent, depth + 1);
  }
  if (above < 0) return -1;
  if (mkdirat(above, name, 0755) == 0 || errno == EEXIST) {
    fd = openat(above, name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  }
  int error = errno;
  close(above);
  errno = error;
  return fd;
}

// Opens a directory (as O_PATH), after making it and those above it, 0755, where they are missing.
int ensure_directory(int root, const char *path) { return ensure_directory_within(root, path, 0); }

// Opens the directory above a path; `name` points at the last part of it.
int open_parent(int root, const char *path, const char **name) {
  char parent[PATH_MAX];
  const char *slash = strrchr(path, '/');
  size_t length = slash == NULL ? 0 : (size_t)(slash - path);
  if (slash == NULL || slash[1] == 0 || length >= sizeof parent) {
    errno = EINVAL;
    return -1;
  }
  memcpy(parent, path, length);
  parent[length] = 0;
  *name = slash + 1;
  return ensure_directory(root, length == 0 ? "/" : parent);
}

// Opens what is there (as O_PATH), or makes an empty file to mount upon.
int ensure_file(int root, const char *path) {
  const char *name;
  int fd = open_in_root(root, path, O_PATH);
  if (fd >= 0 || errno != ENOENT) return fd;
  int parent = open_parent(root, path, &name);
  if (parent < 0) return -1;
  fd = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0644);
  int error = errno;
  close(parent);
  errno = error;
  return fd;
}
