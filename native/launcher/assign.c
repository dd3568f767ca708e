// A sandbox whose process waits without a function until it is given one: its files appear, and what it shall be goes
// through a gate, a FIFO that the process reads and that the files then cover.
//
// The files may come before the text, while the server still makes that up.
//
// Pid 1 has given up what mounting takes, and so asks the outer process. That one answers a single request, which comes
// before anything of a function runs inside: whatever a function might make of pid 1, it gets nothing mounted.

#include "launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ASSIGNED_MOUNTS_MAX 8
#define REQUEST_BYTES_MAX 16384
// What a pipe takes at once.
#define TEXT_BYTES_MAX 65536
// The process says that it waits right before it does.
#define GATE_TRIES_MAX 2000
#define GATE_WAIT_NS 1000000

struct answer {
  int error;
  char step[16];
};

// A copy, for the setup message goes. Empty: there is no gate, or none any more.
static char gate_path[PATH_MAX];
// Of the process that waits; empty: there is none yet.
static char waiting_cwd[PATH_MAX];

void make_gate(int root, const char *path) {
  const char *name;
  int parent = open_parent(root, path, &name);
  if (parent < 0) fail("gate", "open the directory of %s", path);
  // Pid 1 owns and writes it, the function's user reads.
  if (mkfifoat(parent, name, 0644) < 0) fail("gate", "make %s", path);
  close(parent);
  snprintf(gate_path, sizeof gate_path, "%s", path);
}

// What the files cover is the process's directory, and not every language can change that. So a process that is to wait
// begins with the directory that pid 1 has, as threads share theirs, until pid 1 has gone to what its path leads to then.
int flags_of_waiting(const char *cwd) {
  if (gate_path[0] == 0 || waiting_cwd[0] != 0) return 0;
  snprintf(waiting_cwd, sizeof waiting_cwd, "%s", cwd);
  return CLONE_FS;
}

static int go_where_it_waits(void) {
  if (chdir(waiting_cwd) < 0 || unshare(CLONE_FS) < 0) return -1;
  return chdir("/");
}

// Between the outer process and pid 1; before they part.
void open_mount_channel(const struct setup *setup) {
  int ends[2];
  if (setup->gate == NULL) return;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) fail("pipes", "open a channel for mounts");
  if (dup3(ends[0], FD_MOUNTS_OUTER, O_CLOEXEC) < 0 || dup3(ends[1], FD_MOUNTS_INIT, O_CLOEXEC) < 0) {
    fail("pipes", "place the channel for mounts");
  }
  close(ends[0]);
  close(ends[1]);
}

static int user_namespace, mount_namespace;

static int open_namespace(pid_t init, const char *name) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)init, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail("namespace", "open that of %s", name);
  return fd;
}

// In the outer process, while pid 1 can still be looked at.
void hold_namespaces(const struct setup *setup, pid_t init) {
  if (setup->gate == NULL) return;
  close(FD_MOUNTS_INIT);
  if (setup->user_namespace) user_namespace = open_namespace(init, "user");
  mount_namespace = open_namespace(init, "mnt");
  send(FD_MOUNTS_OUTER, "", 1, MSG_NOSIGNAL);
}

// In pid 1: until they are held.
void await_outer(const struct setup *setup) {
  char held;
  if (setup->gate == NULL) return;
  while (recv(FD_MOUNTS_INIT, &held, 1, 0) < 0) {
    if (errno != EINTR) fail("namespace", "wait for the outer process");
  }
}

// `request` is pairs of source and target, each of them NUL-terminated.
static int attach_all(const struct setup *setup, const char *request, size_t length, const char **step) {
  unsigned long long attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_RDONLY;
  int trees[ASSIGNED_MOUNTS_MAX];
  const char *targets[ASSIGNED_MOUNTS_MAX];
  int count = 0;
  *step = "namespace";
  // An ordinary user may copy mounts in a namespace of his own alone, which sees what the host does.
  if (setup->user_namespace) {
    if (syscall(SYS_setns, user_namespace, CLONE_NEWUSER) < 0 || syscall(SYS_unshare, CLONE_NEWNS) < 0) return -1;
    if (make_all_private() < 0) return -1;
  }
  *step = "bind";
  for (const char *at = request; at < request + length; count++) {
    if (count == ASSIGNED_MOUNTS_MAX) {
      errno = E2BIG;
      return -1;
    }
    trees[count] = clone_tree(AT_FDCWD, at, true);
    if (trees[count] < 0 || restrict_tree(trees[count], attributes, true) < 0) return -1;
    at += strlen(at) + 1;
    targets[count] = at;
    at += strlen(at) + 1;
  }
  *step = "namespace";
  if (syscall(SYS_setns, mount_namespace, CLONE_NEWNS) < 0) return -1;
  *step = "mount";
  int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  for (int i = 0; i < count; i++) {
    int target = open_in_root(root, targets[i], O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (target < 0 || attach(trees[i], target) < 0) return -1;
    close(target);
  }
  return 0;
}

static _Noreturn void answer_request(const struct setup *setup, const char *request, size_t length) {
  struct answer answer = {.error = 0};
  const char *step = "bind";
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (attach_all(setup, request, length, &step) < 0) answer.error = errno;
  snprintf(answer.step, sizeof answer.step, "%s", step);
  // Pid 1 waits for it; where it has ended nobody does.
  send(FD_MOUNTS_OUTER, &answer, sizeof answer, MSG_NOSIGNAL);
  _exit(0);
}

// In the outer process: one request, or the end of pid 1.
void serve_mounts(const struct setup *setup) {
  static char request[REQUEST_BYTES_MAX];
  if (setup->gate == NULL) return;
  ssize_t length;
  do {
    length = recv(FD_MOUNTS_OUTER, request, sizeof request, 0);
  } while (length < 0 && errno == EINTR);
  if (length > 0 && request[length - 1] == 0) {
    pid_t child = clone_into(0);
    if (child == 0) answer_request(setup, request, (size_t)length);
    while (child > 0 && waitpid(child, NULL, __WALL) < 0 && errno == EINTR) continue;
  }
  close(FD_MOUNTS_OUTER);
}

// The pairs of the message's "bind" into a request; returns its length, or -1. `text` is what the gate is to take, or NULL.
static ssize_t parse_assignment(char request[REQUEST_BYTES_MAX], const char **text) {
  size_t length = 0;
  *text = NULL;
  for (const char *key; (key = next_string()) != NULL;) {
    const char *value = next_string();
    if (value == NULL) return -1;
    if (strcmp(key, "text") == 0) {
      *text = value;
      continue;
    }
    const char *target = next_string();
    if (strcmp(key, "bind") != 0 || target == NULL || value[0] != '/' || target[0] != '/') return -1;
    for (int i = 0; i < 2; i++) {
      const char *part = i == 0 ? value : target;
      size_t bytes = strlen(part) + 1;
      if (length + bytes > REQUEST_BYTES_MAX) return -1;
      memcpy(request + length, part, bytes);
      length += bytes;
    }
  }
  return *text == NULL || strlen(*text) <= TEXT_BYTES_MAX ? (ssize_t)length : -1;
}

// Opens the gate when the process has come to it, or -1.
static int open_gate(void) {
  const struct timespec pause = {.tv_nsec = GATE_WAIT_NS};
  for (int tries = 0; tries < GATE_TRIES_MAX; tries++) {
    int gate = open(gate_path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (gate >= 0 || errno != ENXIO) return gate;
    nanosleep(&pause, NULL);
  }
  return -1;
}

static int mount_by_outer(const char *request, size_t length, struct answer *answer) {
  if (send(FD_MOUNTS_INIT, request, length, MSG_NOSIGNAL) != (ssize_t)length) return -1;
  ssize_t count;
  do {
    count = recv(FD_MOUNTS_INIT, answer, sizeof *answer, 0);
  } while (count < 0 && errno == EINTR);
  close(FD_MOUNTS_INIT);
  if (count != sizeof *answer) answer->error = EPIPE;
  errno = answer->error;
  return answer->error == 0 ? 0 : -1;
}

// The gate, held open from the mounts to the text; -1 before and after.
static int gate = -1;
// Why there are no mounts, as `assign` tells it; NULL for no reason.
static const char *unmounted_step;
static int unmounted_errno;

// At most once: a second time there is no gate.
static void mount_assigned(const char *request, ssize_t length) {
  static struct answer answer = {.step = "mount"};
  unmounted_step = "command";
  unmounted_errno = EINVAL;
  if (length <= 0 || gate_path[0] == 0) return;
  gate = open_gate();
  gate_path[0] = 0;
  unmounted_step = NULL;
  if (gate < 0) {
    unmounted_step = "gate";
  } else if (mount_by_outer(request, (size_t)length, &answer) < 0) {
    unmounted_step = answer.step;
  } else if (waiting_cwd[0] != 0 && go_where_it_waits() < 0) {
    unmounted_step = "cwd";
  }
  unmounted_errno = errno;
}

// Carries out the rest of a "mount" message: what comes of it is told when the text is assigned.
void mount_beforehand(void) {
  static char request[REQUEST_BYTES_MAX];
  const char *text;
  ssize_t length = parse_assignment(request, &text);
  mount_assigned(request, length);
}

static void refuse_assignment(const char *id, const char *step, int error) {
  if (gate >= 0) close(gate);
  gate = -1;
  report("{\"unassigned\":\"%s\",\"step\":\"%s\",\"errno\":%d}", id, step, error);
}

// Carries out the rest of an "assign" message and answers it. At most once: a second one finds no gate.
void assign(const char *id) {
  static char request[REQUEST_BYTES_MAX];
  const char *text;
  ssize_t length = parse_assignment(request, &text);
  if (length < 0 || text == NULL) return refuse_assignment(id, "command", EINVAL);
  if (length > 0) mount_assigned(request, length);
  if (unmounted_step != NULL) return refuse_assignment(id, unmounted_step, unmounted_errno);
  if (gate < 0) return refuse_assignment(id, "command", EINVAL);
  bool written = write(gate, text, strlen(text)) == (ssize_t)strlen(text);
  int error = errno;
  if (!written) return refuse_assignment(id, "gate", error);
  close(gate);
  gate = -1;
  report("{\"assigned\":\"%s\"}", id);
}
