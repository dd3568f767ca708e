// The life of pid 1: commands from the server, ends of processes, orphans.

#include "launcher.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct process {
  char id[ID_BYTES_MAX + 1];
  pid_t pid;
};

static struct process processes[PROCESSES_MAX];
static bool killing;
static bool reap_again;

static struct process *find_id(const char *id) {
  for (int i = 0; i < PROCESSES_MAX; i++) {
    if (processes[i].pid != 0 && strcmp(processes[i].id, id) == 0) return &processes[i];
  }
  return NULL;
}

static struct process *find_pid(pid_t pid) {
  for (int i = 0; i < PROCESSES_MAX; i++) {
    if (processes[i].pid == pid) return &processes[i];
  }
  return NULL;
}

// Ids go into JSON lines as they are.
bool is_id(const char *id) {
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-";
  size_t length = id == NULL ? 0 : strlen(id);
  return length > 0 && length <= ID_BYTES_MAX && strspn(id, allowed) == length;
}

static void start(const struct setup *setup, const char *id) {
  struct process *slot = find_pid(0);
  int error = killing ? EBUSY : find_id(id) != NULL ? EEXIST : slot == NULL ? EMFILE : 0;
  if (error != 0) {
    report("{\"failed\":\"%s\",\"step\":\"command\",\"errno\":%d}", id, error);
    return;
  }
  pid_t pid = start_process(setup, id);
  if (pid < 0) return;
  slot->pid = pid;
  strcpy(slot->id, id);
}

// To the process group, which has the number of the process that was started. One that has ended is no mistake: the
// server cannot know yet.
static void send_signal(const char *id, const char *name) {
  int number = name == NULL ? 0 : signal_number(name);
  if (number == 0) {
    report_problem("command", EINVAL, "signal needs the name of one");
    return;
  }
  struct process *process = find_id(id);
  if (process != NULL) kill(-process->pid, number);
}

// A connection inside the sandbox's own network, handed to the server in the form in which Node passes handles.
static void dial(const char *id, const char *text) {
  long port;
  char line[192];
  if (!parse_number(text, 1, 65535, &port)) {
    report_problem("command", EINVAL, "dial needs a port");
    return;
  }
  int fd = open_connection(port);
  if (fd < 0) {
    report("{\"undialled\":\"%s\",\"errno\":%d}", id, errno);
    return;
  }
  int length = snprintf(line, sizeof line,
                        "{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Native\",\"msg\":{\"dialled\":\"%s\"}}\n", id);
  send_all(line, (size_t)length, fd);
  close(fd);
}

static void report_end(struct process *process, int status) {
  if (WIFEXITED(status)) {
    report("{\"exit\":\"%s\",\"code\":%d}", process->id, WEXITSTATUS(status));
  } else {
    report("{\"exit\":\"%s\",\"signal\":\"%s\",\"core\":%s}", process->id, signal_name(WTERMSIG(status)),
           WCOREDUMP(status) ? "true" : "false");
  }
  process->pid = 0;
}

// Takes up what has ended, the function's orphans among it; bounded, so that a storm of them keeps no command waiting.
static void reap(void) {
  reap_again = false;
  for (int count = 0; count < REAPS_PER_TURN_MAX; count++) {
    int status;
    pid_t pid = waitpid(-1, &status, WNOHANG | __WALL);
    if (pid > 0) {
      struct process *process = find_pid(pid);
      if (process != NULL) report_end(process, status);
      continue;
    }
    if (pid < 0 && errno == ECHILD && killing) {
      killing = false;
      report("{\"killed\":true}");
    }
    return;
  }
  reap_again = true;
}

// To every process but this one. The kernel takes them all in one sweep that no fork escapes.
static void signal_all(int number) {
  if (stands(WALL_PID)) {
    kill(-1, number);
    return;
  }
  // Outside of a pid namespace that would be every process of the machine.
  for (int i = 0; i < PROCESSES_MAX; i++) {
    if (processes[i].pid > 0) kill(-processes[i].pid, number);
  }
}

static void kill_all(void) {
  killing = true;
  signal_all(SIGKILL);
  reap();
}

static void obey(const struct setup *setup) {
  const char *command = next_string();
  if (command == NULL) command = "";
  if (strcmp(command, "end") == 0) _exit(0);
  if (strcmp(command, "killall") == 0) {
    kill_all();
    return;
  }
  if (strcmp(command, "stop") == 0 || strcmp(command, "continue") == 0) {
    signal_all(command[0] == 's' ? SIGSTOP : SIGCONT);
    return;
  }
  const char *id = next_string();
  if (!is_id(id)) {
    report_problem("command", EINVAL, "no command with a valid id");
  } else if (strcmp(command, "start") == 0) {
    start(setup, id);
  } else if (strcmp(command, "mount") == 0) {
    mount_beforehand();
  } else if (strcmp(command, "assign") == 0) {
    assign(id);
  } else if (strcmp(command, "signal") == 0) {
    send_signal(id, next_string());
  } else if (strcmp(command, "dial") == 0) {
    dial(id, next_string());
  } else {
    report_problem("command", EINVAL, "no such command");
  }
}

static void read_commands(const struct setup *setup) {
  // One message a turn, so that ends are told between them.
  switch (receive_frame(MSG_DONTWAIT)) {
    case FRAME_PARTIAL:
      return;
    case FRAME_READY:
      obey(setup);
      release_frame();
      return;
    case FRAME_END:
      _exit(0);
    case FRAME_BAD:
      refuse("command", "a malformed message");
  }
}

// Node acknowledges the listener on the channel that it reads from; nothing there is meant for us, but its end is.
void drain_replies(void) {
  char unread[1024];
  ssize_t count = recv(FD_REPLIES, unread, sizeof unread, MSG_DONTWAIT);
  if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) _exit(0);
}

// When this returns to the kernel, by _exit, all processes of the sandbox end with it.
void supervise(const struct setup *setup) {
  sigset_t children;
  sigemptyset(&children);
  sigaddset(&children, SIGCHLD);
  int ended = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
  if (ended < 0) fail("signalfd", "watch the processes");
  release_frame();
  struct pollfd watched[] = {
      {FD_COMMANDS, POLLIN, 0}, {ended, POLLIN, 0}, {FD_LIFELINE_READ, POLLIN, 0}, {FD_REPLIES, POLLIN, 0}};
  for (;;) {
    if (poll(watched, 4, reap_again ? 0 : -1) < 0 && errno != EINTR) fail("poll", "wait for commands");
    // The outer process writes nothing there: an event is its end.
    if (watched[2].revents != 0) _exit(0);
    if (watched[3].revents != 0) drain_replies();
    if (watched[1].revents != 0) {
      struct signalfd_siginfo information[8];
      ssize_t count = read(ended, information, sizeof information);
      (void)count;
      reap_again = true;
    }
    if (reap_again) reap();
    if (watched[0].revents != 0) read_commands(setup);
  }
}
