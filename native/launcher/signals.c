// Signals by name, and the two dispositions that the launcher needs.

#include "launcher.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SIGNAL_HIGHEST 64

static const char *const names[] = {
    [SIGHUP] = "SIGHUP",       [SIGINT] = "SIGINT",       [SIGQUIT] = "SIGQUIT", [SIGILL] = "SIGILL",
    [SIGTRAP] = "SIGTRAP",     [SIGABRT] = "SIGABRT",     [SIGBUS] = "SIGBUS",   [SIGFPE] = "SIGFPE",
    [SIGKILL] = "SIGKILL",     [SIGUSR1] = "SIGUSR1",     [SIGSEGV] = "SIGSEGV", [SIGUSR2] = "SIGUSR2",
    [SIGPIPE] = "SIGPIPE",     [SIGALRM] = "SIGALRM",     [SIGTERM] = "SIGTERM", [SIGSTKFLT] = "SIGSTKFLT",
    [SIGCHLD] = "SIGCHLD",     [SIGCONT] = "SIGCONT",     [SIGSTOP] = "SIGSTOP", [SIGTSTP] = "SIGTSTP",
    [SIGTTIN] = "SIGTTIN",     [SIGTTOU] = "SIGTTOU",     [SIGURG] = "SIGURG",   [SIGXCPU] = "SIGXCPU",
    [SIGXFSZ] = "SIGXFSZ",     [SIGVTALRM] = "SIGVTALRM", [SIGPROF] = "SIGPROF", [SIGWINCH] = "SIGWINCH",
    [SIGIO] = "SIGIO",         [SIGPWR] = "SIGPWR",       [SIGSYS] = "SIGSYS",
};

const char *signal_name(int number) {
  static char other[16];
  if (number > 0 && number < (int)(sizeof names / sizeof names[0])) return names[number];
  snprintf(other, sizeof other, "SIG%d", number);
  return other;
}

// 0 when there is no such signal.
int signal_number(const char *name) {
  for (int i = 1; i < (int)(sizeof names / sizeof names[0]); i++) {
    if (strcmp(names[i], name) == 0) return i;
  }
  return 0;
}

// The kernel spares pid 1 of a namespace every signal that it ignores or has no handler for; SIGCHLD is blocked and
// read from a descriptor.
void ignore_signals(void) {
  sigset_t all;
  for (int i = 1; i <= SIGNAL_HIGHEST; i++) {
    if (i != SIGCHLD) signal(i, SIG_IGN);
  }
  signal(SIGCHLD, SIG_DFL);
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
}

// Raw, for the C library keeps two real-time signals for itself and hides them from sigaction.
int reset_signals(void) {
  struct {
    unsigned long handler, flags, restorer, mask;
  } as_default = {0};
  unsigned long none = 0;
  for (int i = 1; i <= SIGNAL_HIGHEST; i++) {
    if (i == SIGKILL || i == SIGSTOP) continue;
    if (syscall(SYS_rt_sigaction, i, &as_default, NULL, sizeof none) < 0) return -1;
  }
  return (int)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
}
