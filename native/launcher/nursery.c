// The process that spawns launchers. The server is large, and each fork of it copies its page tables and holds up its only
// thread for milliseconds; this one is small, and does nothing else but to pass on what the launchers say.

#include "network.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAUNCHERS_MAX 16384
#define ARGUMENTS_MAX 64
#define LINE_BYTES_MAX 4096
#define TAG_BYTES_MAX (ID_BYTES_MAX + 32)
// Each byte may take two in a line.
#define COMPLAINT_BYTES_MAX 512

struct launcher {
  char id[ID_BYTES_MAX + 1];
  pid_t pid;
  int replies;           // what it says, a packet each
  int complaints;        // its standard error
};

// What an event is about: one of these two, or a launcher's number from EVENT_FIRST_LAUNCHER on, twice.
enum { EVENT_COMMANDS, EVENT_ENDED, EVENT_SERVER, EVENT_FIRST_LAUNCHER };

static struct launcher *launchers[LAUNCHERS_MAX];
static int launcher_count; // one more than the highest number in use
static int events;
static pid_t own_pid;

static int find_launcher(const char *id, pid_t pid) {
  for (int i = 0; i < launcher_count; i++) {
    if (launchers[i] != NULL && (id != NULL ? strcmp(launchers[i]->id, id) == 0 : launchers[i]->pid == pid)) return i;
  }
  return -1;
}

static int watch(int fd, unsigned about) {
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = about};
  return epoll_ctl(events, EPOLL_CTL_ADD, fd, &event);
}

static void unwatch(int fd) { epoll_ctl(events, EPOLL_CTL_DEL, fd, NULL); }

// A launcher that is just being started may have a copy still, which would be watched on.
static void forget(int fd) {
  unwatch(fd);
  close(fd);
}

// Puts the launcher's id into its line, as the last member, which wins over any other of that name: no sandbox speaks for
// another one. With a descriptor Node reads the object inside the line alone. False for what no launcher says.
static bool tag_line(char *line, size_t *length, const char *id, bool with_descriptor) {
  static const char inner[] = "\"msg\":{";
  char tag[TAG_BYTES_MAX];
  size_t braces = with_descriptor ? 2 : 1;
  if (*length < braces + 2 || line[0] != '{' || memchr(line, '\n', *length) != line + *length - 1) return false;
  char *end = line + *length - 1 - braces;
  for (size_t i = 0; i < braces; i++) {
    if (end[i] != '}') return false;
  }
  line[*length] = 0;
  if (with_descriptor) {
    const char *object = strstr(line, inner);
    if (object == NULL || strpbrk(object + sizeof inner - 1, "{}") != end) return false;
  }
  int size = snprintf(tag, sizeof tag, ",\"launcher\":\"%s\"", id);
  memmove(end + size, end, braces + 1);
  memcpy(end, tag, (size_t)size);
  *length += (size_t)size;
  return true;
}

static int descriptor_of(struct msghdr *message) {
  int fd = -1;
  struct cmsghdr *header = CMSG_FIRSTHDR(message);
  if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
  }
  return fd;
}

// Passes on the next thing that a launcher has said; false when there is none for now.
static bool pass_on(struct launcher *launcher) {
  char line[LINE_BYTES_MAX + TAG_BYTES_MAX];
  union {
    struct cmsghdr align;
    char space[CMSG_SPACE(sizeof(int))];
  } control;
  struct iovec part = {line, LINE_BYTES_MAX};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
  ssize_t count = recvmsg(launcher->replies, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (count < 0 && errno == EINTR) return true;
  if (count < 0 && errno == EAGAIN) return false;
  if (count <= 0) {
    // It has ended, and pid 1 as well, or will within the moment: how is told by the end of the process.
    unwatch(launcher->replies);
    return false;
  }
  int fd = descriptor_of(&message);
  size_t length = (size_t)count;
  if (tag_line(line, &length, launcher->id, fd >= 0)) send_all(line, length, fd);
  if (fd >= 0) close(fd);
  return true;
}

static bool pass_on_complaint(struct launcher *launcher) {
  char text[COMPLAINT_BYTES_MAX], escaped[2 * COMPLAINT_BYTES_MAX];
  ssize_t count = read(launcher->complaints, text, sizeof text - 1);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (count <= 0) {
    unwatch(launcher->complaints);
    return false;
  }
  text[count] = 0;
  escape_text(text, escaped, sizeof escaped);
  report("{\"launcher\":\"%s\",\"complaint\":\"%s\"}", launcher->id, escaped);
  return true;
}

// Complaints first: they say more of what comes behind them.
static void listen_to(struct launcher *launcher, bool to_the_end) {
  while (pass_on_complaint(launcher)) continue;
  while (pass_on(launcher) && to_the_end) continue;
}

// Nobody but the nursery takes up its children: until then a number cannot belong to another process.
static void take_up_ended(int signals) {
  struct signalfd_siginfo information[8];
  ssize_t unread = read(signals, information, sizeof information);
  (void)unread;
  for (pid_t pid; (pid = waitpid(-1, NULL, WNOHANG | __WALL)) > 0;) {
    int number = find_launcher(NULL, pid);
    if (number < 0) continue;
    struct launcher *launcher = launchers[number];
    listen_to(launcher, true);
    report("{\"launcher\":\"%s\",\"over\":true}", launcher->id);
    forget(launcher->replies);
    forget(launcher->complaints);
    free(launcher);
    launchers[number] = NULL;
    while (launcher_count > 0 && launchers[launcher_count - 1] == NULL) launcher_count--;
  }
}

static _Noreturn void become_launcher(int commands, int replies, int complaints, char **arguments) {
  static char *const no_environment[] = {NULL};
  // All others close as the program starts.
  if (dup2(commands, FD_COMMANDS) < 0 || dup2(complaints, 2) < 0 || dup2(replies, FD_REPLIES) < 0) _exit(1);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) fail("pdeathsig", "follow the nursery");
  if (getppid() != own_pid) _exit(1);
  setsid();
  if (reset_signals() < 0) fail("signals", "reset the signals");
  execve("/proc/self/exe", arguments, no_environment);
  fail("exec", "start a launcher");
}

struct ends {
  int commands[2], replies[2], complaints[2]; // ours or the server's first, the launcher's second
};

static void close_ends(const struct ends *ends) {
  const int *each = (const int *)ends;
  for (size_t i = 0; i < sizeof *ends / sizeof *each; i++) {
    if (each[i] >= 0) close(each[i]);
  }
}

static int open_ends(struct ends *ends) {
  *ends = (struct ends){{-1, -1}, {-1, -1}, {-1, -1}};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends->commands) < 0) return -1;
  // Whole lines, each with its descriptor.
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends->replies) < 0) return -1;
  if (pipe2(ends->complaints, O_CLOEXEC) < 0) return -1;
  if (fcntl(ends->commands[0], F_SETFL, O_NONBLOCK) < 0) return -1;
  return fcntl(ends->complaints[0], F_SETFL, O_NONBLOCK);
}

// The server writes to the launcher itself.
static void hand_over_commands(const struct launcher *launcher, int fd) {
  char line[192];
  int length = snprintf(line, sizeof line,
                        "{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Native\",\"msg\":{\"commands\":true,\"launcher\":\"%s\"}}\n",
                        launcher->id);
  send_all(line, (size_t)length, fd);
  // A server without a free descriptor gets this alone.
  report("{\"spawned\":%d,\"launcher\":\"%s\"}", (int)launcher->pid, launcher->id);
}

// -1 when all are taken.
static int free_number(void) {
  for (int i = 0; i < LAUNCHERS_MAX; i++) {
    if (launchers[i] == NULL) return i;
  }
  return -1;
}

static pid_t fork_launcher(const struct ends *ends, int number, char **arguments) {
  unsigned about = EVENT_FIRST_LAUNCHER + 2 * (unsigned)number;
  if (watch(ends->replies[0], about) < 0 || watch(ends->complaints[0], about + 1) < 0) return -1;
  pid_t pid = clone_into(0);
  if (pid == 0) become_launcher(ends->commands[1], ends->replies[1], ends->complaints[1], arguments);
  return pid;
}

// Returns -1 with errno, and then nothing is left of it.
static int spawn_launcher(const char *id, char **arguments) {
  struct ends ends;
  int number = free_number();
  struct launcher *launcher = number < 0 ? NULL : malloc(sizeof *launcher);
  errno = ENOMEM;
  pid_t pid = launcher == NULL || open_ends(&ends) < 0 ? -1 : fork_launcher(&ends, number, arguments);
  int error = errno;
  if (pid < 0) {
    if (launcher != NULL) close_ends(&ends);
    free(launcher);
    errno = error;
    return -1;
  }
  *launcher = (struct launcher){.pid = pid, .replies = ends.replies[0], .complaints = ends.complaints[0]};
  strcpy(launcher->id, id);
  launchers[number] = launcher;
  if (number >= launcher_count) launcher_count = number + 1;
  hand_over_commands(launcher, ends.commands[0]);
  ends.replies[0] = ends.complaints[0] = -1;
  close_ends(&ends);
  return 0;
}

static void obey_spawn(const char *id) {
  char *arguments[ARGUMENTS_MAX + 3] = {"lambdad-sandbox", "run"};
  int count = 2;
  for (const char *argument; (argument = next_string()) != NULL;) {
    if (count == ARGUMENTS_MAX + 2) refuse("command", "more than %d arguments", ARGUMENTS_MAX);
    arguments[count++] = (char *)argument;
  }
  if (find_launcher(id, 0) >= 0) refuse("command", "%s is another launcher's id", id);
  if (spawn_launcher(id, arguments) < 0) {
    report("{\"launcher\":\"%s\",\"over\":true,\"error\":\"%s\",\"step\":\"spawn\",\"errno\":%d}", id, strerror(errno), errno);
  }
}

static void obey(void) {
  const char *command = next_string();
  const char *id = next_string();
  if (command == NULL || !is_id(id)) refuse("command", "no command with a valid id");
  if (strcmp(command, "spawn") == 0) {
    obey_spawn(id);
  } else if (strcmp(command, "kill") == 0) {
    int number = find_launcher(id, 0);
    if (number >= 0) kill(launchers[number]->pid, SIGKILL);
  } else {
    refuse("command", "no such command");
  }
}

static void read_commands(void) {
  switch (receive_frame(MSG_DONTWAIT)) {
    case FRAME_PARTIAL:
      return;
    case FRAME_READY:
      obey();
      return;
    case FRAME_END:
      _exit(0);
    case FRAME_BAD:
      refuse("command", "a malformed message");
  }
}

static void attend(unsigned about, int signals) {
  if (about == EVENT_COMMANDS) read_commands();
  else if (about == EVENT_ENDED) take_up_ended(signals);
  else if (about == EVENT_SERVER) drain_replies();
  else {
    struct launcher *launcher = launchers[(about - EVENT_FIRST_LAUNCHER) / 2];
    if (launcher != NULL) listen_to(launcher, false);
  }
}

// The command "nursery". When this returns to the kernel, by _exit, all launchers end, and with them their sandboxes.
int keep_nursery(void) {
  follow_server();
  own_pid = getpid();
  prctl(PR_SET_NAME, "lambdad-nursery", 0, 0, 0);
  stay_in_memory();
  ignore_signals();
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  int signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
  events = epoll_create1(EPOLL_CLOEXEC);
  if (signals < 0 || events < 0 || watch(FD_COMMANDS, EVENT_COMMANDS) < 0 || watch(signals, EVENT_ENDED) < 0 ||
      watch(FD_REPLIES, EVENT_SERVER) < 0) {
    fail("nursery", "watch for commands");
  }
  for (;;) {
    // One at a time: an event may end what the next would be about.
    struct epoll_event event;
    int count = epoll_wait(events, &event, 1, -1);
    if (count < 0 && errno != EINTR) fail("nursery", "wait for commands");
    if (count == 1) attend(event.data.u32, signals);
  }
}
