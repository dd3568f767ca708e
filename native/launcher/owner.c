// Directories that the function shares with somebody on the host: what it writes there belongs to the directory's owner.
// Its own host uid differs from sandbox to sandbox and could write nothing, so that the mount translates between the two
// (an idmapped mount). Whatever belongs to anybody else shows as nobody's, and cannot be written.

#include "launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int write_map(pid_t child, const char *name, unsigned owner, long host_id) {
  char path[64], line[64];
  snprintf(path, sizeof path, "/proc/%d/%s", (int)child, name);
  snprintf(line, sizeof line, "%u %ld 1\n", owner, host_id);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t count = write(fd, line, strlen(line));
  close(fd);
  return count == (ssize_t)strlen(line) ? 0 : -1;
}

// A user namespace that maps the owner to the function's host ids. Only its descriptor stays: the process that it was
// made for ends at once.
static int open_translation(const struct stat *owner, long host_uid, long host_gid) {
  char path[64];
  int translation = -1;
  pid_t child = clone_into(CLONE_NEWUSER);
  if (child < 0) return -1;
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    for (;;) pause();
  }
  if (write_map(child, "uid_map", owner->st_uid, host_uid) == 0 &&
      write_map(child, "gid_map", owner->st_gid, host_gid) == 0) {
    snprintf(path, sizeof path, "/proc/%d/ns/user", (int)child);
    translation = open(path, O_RDONLY | O_CLOEXEC);
  }
  int error = errno;
  kill(child, SIGKILL);
  while (waitpid(child, NULL, __WALL) < 0 && errno == EINTR) continue;
  errno = error;
  return translation;
}

// Before pid 1 is made, because it needs the host's /proc. In a user namespace the function is the server's user already.
void look_at_shared(struct setup *setup) {
  for (int i = 0; i < setup->entry_count; i++) {
    struct entry *entry = &setup->entries[i];
    struct stat status;
    if (entry->kind != ENTRY_BIND || strcmp(entry->mode, "owner") != 0) continue;
    int fd = open_without_links(entry->source);
    if (fd < 0 || fstat(fd, &status) < 0) fail("owner", "open the directory %s", entry->source);
    close(fd);
    entry->device = status.st_dev;
    entry->inode = status.st_ino;
    if (setup->user_namespace) continue;
    entry->translation = open_translation(&status, setup->host_uid, setup->host_gid);
    if (entry->translation < 0) fail("owner", "make the user namespace for %s", entry->source);
  }
}

// The same directory from inside the new mount namespace, where alone it can be copied. Whoever has put another one into
// its place meanwhile shall not have that one written by the owner of the first.
int open_shared(const struct entry *entry) {
  struct stat status;
  int fd = open_without_links(entry->source);
  if (fd < 0) return -1;
  if (fstat(fd, &status) == 0 && status.st_dev == entry->device && status.st_ino == entry->inode) return fd;
  close(fd);
  errno = ESTALE;
  return -1;
}
