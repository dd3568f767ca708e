// The outer process: the server's child, which prepares what the sandbox cannot, makes pid 1, and waits for its end.

#include "network.h"
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

static struct setup setup;

// The kernel ends this process with the one that spawned it, the nursery, which ends with the server. One that ended before
// this call shows at the reading of the message, which then has no sender.
void follow_server(void) {
  pid_t parent = getppid();
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) fail("pdeathsig", "follow the server");
  if (getppid() != parent) _exit(1);
}

static void read_setup(void) {
  switch (receive_frame(0)) {
    case FRAME_READY:
      parse_setup(&setup);
      return;
    case FRAME_END:
      _exit(1);
    default:
      refuse("setup", "a malformed message");
  }
}

static void open_pipe(int read_end, int write_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) fail("pipes", "open a pipe");
  // The function may open its own output anew, through /dev/stdout: the pipe must be its user's.
  if (!setup.user_namespace && fchown(ends[1], (uid_t)setup.host_uid, (gid_t)setup.host_gid) < 0) {
    fail("pipes", "give a pipe to the function's user");
  }
  if (dup3(ends[0], read_end, O_CLOEXEC) < 0 || dup3(ends[1], write_end, O_CLOEXEC) < 0) {
    fail("pipes", "place a pipe at %d", read_end);
  }
  close(ends[0]);
  close(ends[1]);
}

// Children are born where their parent is, so that nothing of the sandbox ever runs outside of its limits. It comes
// before the setup is awaited: joining can take the kernel 20 ms, which a launcher that stands by has behind it.
static void join_cgroups(char **directories) {
  for (; *directories != NULL; directories++) {
    int directory = open(*directories, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = directory < 0 ? -1 : openat(directory, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "0", 1) != 1) fail("cgroup", "join %s", *directories);
    close(fd);
    close(directory);
  }
}

// Root's launchers are never taken for want of memory, not even with their whole group: pid 1 tells what has ended.
void stay_in_memory(void) {
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  ssize_t count = write(fd, "-1000", 5);
  (void)count;
  close(fd);
}

static int wait_for_init(pid_t init) {
  int status;
  while (waitpid(init, &status, __WALL) < 0) {
    if (errno != EINTR) fail("wait", "wait for pid 1 of the sandbox");
  }
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  report_problem("init", 0, "pid 1 of the sandbox was ended by %s", signal_name(WTERMSIG(status)));
  return 128 + WTERMSIG(status);
}

// Outside of the cgroups still, for it is the server's work and not the function's.
static char **prepare(char **arguments) {
  if (arguments[0] == NULL || strcmp(arguments[0], "--scratch") != 0 || arguments[1] == NULL) return arguments;
  if (prepare_scratch(arguments[1]) < 0) fail("tmp", "make a disk of %s", arguments[1]);
  return arguments + 2;
}

// The command "run [--scratch TEMPLATE] [NETWORK] [CGROUP...]": returns the exit status, that of pid 1.
int run_sandbox(char **arguments) {
  follow_server();
  // The nursery starts it by a name of the kernel's.
  prctl(PR_SET_NAME, "lambdad-sandbox", 0, 0, 0);
  // Before the cgroups are joined: what a network takes of the kernel's memory is not the function's.
  join_cgroups(prepare_network(prepare(arguments)));
  read_setup();
  if (!setup.user_namespace) stay_in_memory();
  if (setup.scratch != NULL && prepare_scratch(setup.scratch) < 0) fail("tmp", "make a disk of %s", setup.scratch);
  uid_t own_uid = geteuid();
  gid_t own_gid = getegid();
  setup.outer_pid = getpid();
  open_pipe(FD_STDOUT_READ, FD_STDOUT_WRITE);
  open_pipe(FD_STDERR_READ, FD_STDERR_WRITE);
  open_pipe(FD_LOG_READ, FD_LOG_WRITE);
  open_pipe(FD_EXTENSION_READ, FD_EXTENSION_WRITE);
  // Its other end is read by pid 1, which sees this process end even before the kernel's signal is asked for.
  open_pipe(FD_LIFELINE_READ, FD_LIFELINE_WRITE);
  if (fcntl(FD_COMMANDS, F_SETFD, FD_CLOEXEC) < 0 || fcntl(FD_REPLIES, F_SETFD, FD_CLOEXEC) < 0) {
    fail("descriptors", "expect a socket at 0 and one at 3");
  }
  open_mount_channel(&setup);
  look_at_shared(&setup);
  open_helper_channel(&setup);
  int flags = namespace_flags(&setup);
  if (!setup.network_host && stands(WALL_NET) && enter_prepared_network()) flags &= ~CLONE_NEWNET;
  pid_t init = clone_into(setup.bubblewrap == NULL ? flags : 0);
  if (init < 0) fail("unshare", "make the namespaces");
  if (init == 0 && setup.bubblewrap != NULL) run_bubblewrap(&setup);
  if (init == 0) run_init(&setup, own_uid, own_gid);
  if (setup.scratch != NULL) close(scratch_tree());
  close(FD_COMMANDS);
  close(FD_STDOUT_WRITE);
  close(FD_STDERR_WRITE);
  close(FD_LOG_WRITE);
  close(FD_EXTENSION_WRITE);
  close(FD_LIFELINE_READ);
  hold_namespaces(&setup, init);
  start_helper(&setup, init);
  release_frame();
  serve_mounts(&setup);
  return wait_for_init(init);
}
