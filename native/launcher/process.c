// One process of the function: from the message "start" to the program that it names.

#include "launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// Linux 6.16; the C library may not know it.
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif
#define CHANNEL_BYTES (2 << 20)
#define FD_HIGHEST 1000
#define EXEC_WAIT_MS 10000

struct launch {
  char *args[ARGS_MAX + 1];
  char *env[ENV_MAX + 1];
  const char *cwd;
  long oom;
  long log_fd;           // -1 when the process wants none
  long channel_fd;       // where it finds its channel to the Runtime API, -1 when it wants none
  bool extension;        // writes where all extensions do, not where the runtime does
};

// What a child that did not come to its program leaves in the pipe.
struct failure {
  int error;
  char step[16];
};

static struct launch launch;

static bool is_fixed(long fd) { return fd >= FD_STDOUT_READ && fd <= FD_FIXED_LAST; }

static bool parse_launch(void) {
  int arg_count = 0, env_count = 0;
  launch.cwd = "/";
  launch.oom = 1000;
  launch.log_fd = -1;
  launch.channel_fd = -1;
  launch.extension = false;
  for (const char *key; (key = next_string()) != NULL;) {
    const char *value = next_string();
    if (value == NULL) return false;
    if (strcmp(key, "arg") == 0 && arg_count < ARGS_MAX) launch.args[arg_count++] = (char *)value;
    else if (strcmp(key, "env") == 0 && env_count < ENV_MAX) launch.env[env_count++] = (char *)value;
    else if (strcmp(key, "cwd") == 0 && value[0] == '/') launch.cwd = value;
    else if (strcmp(key, "stdin") == 0 && strcmp(value, "null") == 0) continue;
    else if (strcmp(key, "output") == 0 && strcmp(value, "extension") == 0) launch.extension = true;
    else if (strcmp(key, "oom") == 0 && parse_number(value, -1000, 1000, &launch.oom)) continue;
    else if (strcmp(key, "logfd") == 0 && parse_number(value, 3, FD_HIGHEST, &launch.log_fd)) continue;
    else if (strcmp(key, "channel") == 0 && parse_number(value, 3, FD_HIGHEST, &launch.channel_fd)) continue;
    else return false;
  }
  launch.args[arg_count] = NULL;
  launch.env[env_count] = NULL;
  return arg_count > 0 && !is_fixed(launch.log_fd) && !is_fixed(launch.channel_fd) &&
         (launch.log_fd < 0 || launch.log_fd != launch.channel_fd);
}

static _Noreturn void give_up(int failure_pipe, const char *step) {
  struct failure failure = {.error = errno};
  snprintf(failure.step, sizeof failure.step, "%s", step);
  // The pipe takes this whole; where it does not, the reader sees an end without a cause and says so.
  ssize_t count = write(failure_pipe, &failure, sizeof failure);
  (void)count;
  _exit(127);
}

// Leaves 0, 1, 2, the log descriptor and the channel; all others close as the program starts.
static int arrange_descriptors(int *failure_pipe, int channel) {
  long above = FD_FIXED_LAST;
  if (launch.log_fd > above) above = launch.log_fd;
  if (launch.channel_fd > above) above = launch.channel_fd;
  int moved = fcntl(*failure_pipe, F_DUPFD_CLOEXEC, (int)above + 1);
  if (moved < 0) return -1;
  *failure_pipe = moved;
  if (channel >= 0 && (channel = fcntl(channel, F_DUPFD_CLOEXEC, (int)above + 1)) < 0) return -1;
  if (syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC) < 0) return -1;
  int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null < 0 || dup2(null, 0) < 0) return -1;
  if (dup2(launch.extension ? FD_EXTENSION_WRITE : FD_STDOUT_WRITE, 1) < 0) return -1;
  if (dup2(launch.extension ? FD_EXTENSION_WRITE : FD_STDERR_WRITE, 2) < 0) return -1;
  if (launch.log_fd >= 0 && dup2(FD_LOG_WRITE, (int)launch.log_fd) < 0) return -1;
  return channel >= 0 && dup2(channel, (int)launch.channel_fd) < 0 ? -1 : 0;
}

// As far as whoever started the server may go himself.
static int limit(int resource, rlim_t soft, rlim_t hard) {
  struct rlimit wanted = {soft, hard}, present;
  if (setrlimit(resource, &wanted) == 0) return 0;
  if (errno != EPERM || getrlimit(resource, &present) < 0) return -1;
  if (wanted.rlim_max > present.rlim_max) wanted.rlim_max = present.rlim_max;
  if (wanted.rlim_cur > wanted.rlim_max) wanted.rlim_cur = wanted.rlim_max;
  return setrlimit(resource, &wanted);
}

// Those of AWS's environments but one: there a core may have 10 GB, and nobody gets to see it. Here it would fill the
// host's disk or be handed to a program of the host, which only a limit of 1, unlike 0, keeps it from.
static int set_limits(const struct setup *setup) {
  static const struct {
    int resource;
    rlim_t soft, hard;
  } limits[] = {
      {RLIMIT_CORE, 1, 1},
      {RLIMIT_MEMLOCK, 65536, 65536},
      {RLIMIT_STACK, 8388608, RLIM_INFINITY},
      // Whatever the server may: nobody gets ahead of the machine's own processes.
      {RLIMIT_NICE, 0, 0},
      {RLIMIT_RTPRIO, 0, 0},
  };
  for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
    if (limit(limits[i].resource, limits[i].soft, limits[i].hard) < 0) return -1;
  }
  if (limit(RLIMIT_NOFILE, (rlim_t)setup->nofile, (rlim_t)setup->nofile) < 0) return -1;
  return setup->nproc > 0 ? limit(RLIMIT_NPROC, (rlim_t)setup->nproc, (rlim_t)setup->nproc) : 0;
}

// The out-of-memory killer shall take the function before pid 1. As a process that is not dumpable does not own its
// files under /proc, it is made so for this moment; it still holds capabilities, which keeps its peers away.
static int set_oom_score(void) {
  char text[16];
  int length = snprintf(text, sizeof text, "%ld", launch.oom);
  if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0) return -1;
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  bool written = fd >= 0 && write(fd, text, (size_t)length) == length;
  int error = errno;
  if (fd >= 0) close(fd);
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return -1;
  errno = error;
  return written ? 0 : -1;
}

static int wall_in(const struct setup *setup, const char **step) {
  *step = "landlock";
  if (confine() < 0) return -1;
  *step = "seccomp";
  if (!stands(WALL_SECCOMP)) return 0;
  if (install_filter() < 0) return -1;
  return setup->shares_directory ? install_set_id_filter() : 0;
}

static _Noreturn void run_program(const struct setup *setup, int failure_pipe, int channel) {
  long uid = setup->user_namespace ? setup->uid : setup->host_uid;
  long gid = setup->user_namespace ? setup->gid : setup->host_gid;
  const char *step;
  if (setsid() < 0) give_up(failure_pipe, "session");
  if (arrange_descriptors(&failure_pipe, channel) < 0) give_up(failure_pipe, "descriptors");
  if (set_oom_score() < 0) give_up(failure_pipe, "oom");
  if (stands(WALL_RLIMITS) && set_limits(setup) < 0) give_up(failure_pipe, "limits");
  // Without no_new_privs these are privileged acts.
  if (!stands(WALL_NO_NEW_PRIVS) && wall_in(setup, &step) < 0) give_up(failure_pipe, step);
  if (become(setup->user_namespace, uid, gid) < 0) give_up(failure_pipe, "identity");
  if (chdir(launch.cwd) < 0) give_up(failure_pipe, "cwd");
  // A pid namespace would end it with pid 1; where a test has none, this does.
  if (!stands(WALL_PID) && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) give_up(failure_pipe, "pdeathsig");
  if (reset_signals() < 0) give_up(failure_pipe, "signals");
  if (stands(WALL_NO_NEW_PRIVS) && wall_in(setup, &step) < 0) give_up(failure_pipe, step);
  execve(launch.args[0], launch.args, launch.env);
  give_up(failure_pipe, "exec");
}

static pid_t refuse_start(const char *id, const char *step, int error) {
  report("{\"failed\":\"%s\",\"step\":\"%s\",\"errno\":%d}", id, step, error);
  return -1;
}

// The pipe ends with the exec, which closes its other end, or with the child. A process of the function that has the
// child's uid already may stop it before; that must not stop pid 1 as well.
static bool wait_for_exec(int failure_pipe) {
  struct pollfd watched = {failure_pipe, POLLIN, 0};
  int ready;
  do {
    ready = poll(&watched, 1, EXEC_WAIT_MS);
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

static void close_channel(const int ends[2]) {
  if (ends[0] < 0) return;
  close(ends[0]);
  close(ends[1]);
}

// A pair of local sockets costs a third less than a connection over TCP. Where the kernel cannot keep descriptors out of the
// server's end there is none: whoever reads must close what comes along, and that can be made to take as long as you like.
static int open_channel(int ends[2]) {
  int no = 0, room = CHANNEL_BYTES;
  ends[0] = ends[1] = -1;
  if (launch.channel_fd < 0) return 0;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) return -1;
  // As far as the machine's administrator lets it: else a large payload takes more turns than over TCP.
  for (int i = 0; i < 2; i++) setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  if (setsockopt(ends[0], SOL_SOCKET, SO_PASSRIGHTS, &no, sizeof no) == 0) return fcntl(ends[0], F_SETFL, O_NONBLOCK);
  close_channel(ends);
  ends[0] = ends[1] = -1;
  return 0;
}

static void hand_over_channel(const char *id, const int ends[2]) {
  char line[192];
  if (ends[0] < 0) return;
  int length = snprintf(line, sizeof line,
                        "{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Native\",\"msg\":{\"channel\":\"%s\"}}\n", id);
  send_all(line, (size_t)length, ends[0]);
  close_channel(ends);
}

static pid_t launch_process(const struct setup *setup, const char *id, int channel) {
  int ends[2];
  struct failure failure;
  if (pipe2(ends, O_CLOEXEC) < 0) return refuse_start(id, "pipe", errno);
  pid_t pid = clone_into(flags_of_waiting(launch.cwd));
  if (pid == 0) run_program(setup, ends[1], channel);
  int error = errno;
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    return refuse_start(id, "fork", error);
  }
  bool in_time = wait_for_exec(ends[0]);
  ssize_t count = in_time ? read(ends[0], &failure, sizeof failure) : 0;
  close(ends[0]);
  if (count == sizeof failure) return refuse_start(id, failure.step, failure.error);
  if (!in_time) {
    kill(pid, SIGKILL);
    return refuse_start(id, "exec", ETIMEDOUT);
  }
  return pid;
}

// Carries out the rest of a "start" message and answers it. Returns the pid, or -1 when nothing runs.
pid_t start_process(const struct setup *setup, const char *id) {
  int channel[2];
  if (!parse_launch()) return refuse_start(id, "command", EINVAL);
  if (open_channel(channel) < 0) return refuse_start(id, "channel", errno);
  pid_t pid = launch_process(setup, id, channel[1]);
  if (pid < 0) {
    close_channel(channel);
    return -1;
  }
  hand_over_channel(id, channel);
  report("{\"started\":\"%s\",\"pid\":%d}", id, pid);
  return pid;
}
