// A disk for /tmp: an ext4 file system in a file without a name, on a loop device that goes with its last user. Nothing
// of it can be left behind, however the sandbox ends. Its pages are the function's only as far as they are cached.

#include "launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/loop.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

// Another process may take a free device first.
#define LOOP_TRIES_MAX 64

// Copies what has content, which of a fresh file system are some hundred kilobytes; the rest stays a hole.
static int copy_content(int from, int to, off_t size) {
  if (ftruncate(to, size) < 0) return -1;
  for (off_t start = 0, end = 0; (start = lseek(from, end, SEEK_DATA)) >= 0;) {
    if ((end = lseek(from, start, SEEK_HOLE)) < 0 || lseek(to, start, SEEK_SET) < 0) return -1;
    while (start < end) {
      if (sendfile(to, from, &start, (size_t)(end - start)) <= 0) return -1;
    }
  }
  return errno == ENXIO ? 0 : -1;
}

// The template's directory holds the copy's blocks, not its name.
static int copy_template(const char *template) {
  char path[PATH_MAX];
  struct stat status;
  snprintf(path, sizeof path, "%s", template);
  int from = open(template, O_RDONLY | O_CLOEXEC);
  if (from < 0) return -1;
  int to = open(dirname(path), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (to >= 0 && (fstat(from, &status) < 0 || copy_content(from, to, status.st_size) < 0)) {
    int error = errno;
    close(to);
    errno = error;
    to = -1;
  }
  int error = errno;
  close(from);
  errno = error;
  return to;
}

// Returns a device that is open, its path in `path`, or -1.
static int attach_loop(int file, char path[32]) {
  // Not direct: a function with little memory would wait for the disk itself, seven times as long as for the host's cache.
  struct loop_config config = {.fd = (unsigned)file, .info = {.lo_flags = LO_FLAGS_AUTOCLEAR}};
  int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  if (control < 0) return -1;
  int device = -1;
  for (int tries = 0; tries < LOOP_TRIES_MAX && device < 0; tries++) {
    int number = ioctl(control, LOOP_CTL_GET_FREE);
    if (number < 0) break;
    snprintf(path, 32, "/dev/loop%d", number);
    device = open(path, O_RDWR | O_CLOEXEC);
    if (device < 0) break;
    if (ioctl(device, LOOP_CONFIGURE, &config) == 0) break;
    int error = errno;
    close(device);
    device = -1;
    errno = error;
    if (error != EBUSY) break;
  }
  int error = errno;
  close(control);
  errno = error;
  return device;
}

// Everybody may write into it, and it is as empty as /tmp is.
static int open_to_all(int tree) {
  int root = openat(tree, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return -1;
  int result = fchmod(root, 01777) < 0 || (unlinkat(root, "lost+found", AT_REMOVEDIR) < 0 && errno != ENOENT) ? -1 : 0;
  int error = errno;
  close(root);
  errno = error;
  return result;
}

// Returns the descriptor of a mount that is attached nowhere yet, or -1.
static int open_scratch(const char *template) {
  char path[32];
  int file = copy_template(template);
  if (file < 0) return -1;
  int device = attach_loop(file, path);
  int error = errno;
  close(file);
  errno = error;
  if (device < 0) return -1;
  // What is deleted is room on the host's disk again; nothing is written that nobody asked for, and what dies with the
  // sandbox need not survive the machine.
  const char *const options[] = {"source", path, "discard", NULL, "noinit_itable", NULL, "nobarrier", NULL, NULL};
  int tree = new_filesystem("ext4", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOATIME);
  error = errno;
  // From here on the mount alone keeps the device.
  close(device);
  errno = error;
  if (tree >= 0 && open_to_all(tree) < 0) {
    error = errno;
    close(tree);
    errno = error;
    return -1;
  }
  return tree;
}

static int prepared = -1;
static const char *prepared_of;

// Makes a scratch disk that is a copy of `template`, an ext4 image, unless the last call has. It takes the kernel up to
// some tens of milliseconds, waits for grace periods for the most part. Returns -1 with errno.
int prepare_scratch(const char *template) {
  if (prepared >= 0 && strcmp(template, prepared_of) == 0) return 0;
  if (prepared >= 0) close(prepared);
  prepared = open_scratch(template);
  prepared_of = template;
  return prepared < 0 ? -1 : 0;
}

// The mount that was prepared, attached nowhere yet.
int scratch_tree(void) { return prepared; }
