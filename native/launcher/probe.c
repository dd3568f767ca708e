// "probe": what this machine allows, found by doing it. One line of JSON on standard output.

#include "launcher.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_BYTES_MAX 4096

typedef bool trial(uid_t own_uid, gid_t own_gid);

static bool wait_for_success(pid_t pid) {
  int status;
  if (pid < 0) return false;
  while (waitpid(pid, &status, __WALL) < 0) {
    if (errno != EINTR) return false;
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool try_in_child(int flags, trial *trial) {
  uid_t own_uid = geteuid();
  gid_t own_gid = getegid();
  pid_t pid = clone_into(flags);
  if (pid == 0) _exit(trial(own_uid, own_gid) ? 0 : 1);
  return wait_for_success(pid);
}

static bool nothing(uid_t own_uid, gid_t own_gid) {
  (void)own_uid, (void)own_gid;
  return true;
}

// Ubuntu 24.04 lets everyone make a user namespace but gives no privileges inside: hence an act that needs one.
static bool privileges(uid_t own_uid, gid_t own_gid) {
  return write_identity_maps(993, 990, own_uid, own_gid) == 0 && sethostname("probe", 5) == 0;
}

static bool loopback(uid_t own_uid, gid_t own_gid) {
  (void)own_uid, (void)own_gid;
  return raise_loopback() == 0;
}

static bool filter(uid_t own_uid, gid_t own_gid) {
  (void)own_uid, (void)own_gid;
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && install_filter() == 0;
}

static void lead_whole_trial(int answer, bool user_namespace) {
  // Filled here, for as a value in the program it would be a large part of it.
  static struct setup setup;
  setup.root = "/tmp";
  setup.hostname = "probe";
  setup.uid = setup.host_uid = 993;
  setup.gid = setup.host_gid = 990;
  setup.nofile = 1024;
  setup.nproc = -1;
  setup.entry_count = 1;
  setup.entries[0] = (struct entry){ENTRY_TMP, "/tmp", "65536", "16"};
  long port;
  uid_t own_uid = geteuid();
  gid_t own_gid = getegid();
  setup.user_namespace = user_namespace;
  report_fd = answer;
  report_text_key = "message";
  pid_t pid = clone_into(namespace_flags(&setup));
  if (pid < 0) fail("unshare", "make the namespaces");
  if (pid > 0) _exit(wait_for_success(pid) ? 0 : 1);
  build_sandbox(&setup, own_uid, own_gid);
  if (open_listener(INADDR_LOOPBACK, 0, &port) < 0) fail("listen", "listen inside the network namespace");
  if (drop_bounding_set() < 0) fail("capabilities", "empty the bounding set");
  if (become(setup.user_namespace, 993, 990) < 0) fail("identity", "become the function's user");
  if (confine() < 0) fail("landlock", "confine the process");
  if (install_filter() < 0) fail("seccomp", "install the filter");
  _exit(0);
}

// Builds a whole sandbox in a child, and takes the child's line when it fails.
static bool try_everything(bool user_namespace, char *answer, size_t room) {
  int ends[2];
  size_t used = 0;
  if (pipe2(ends, O_CLOEXEC) < 0) return false;
  pid_t pid = clone_into(0);
  if (pid == 0) lead_whole_trial(ends[1], user_namespace);
  close(ends[1]);
  for (ssize_t count; used < room - 1 && (count = read(ends[0], answer + used, room - 1 - used)) > 0;) {
    used += (size_t)count;
  }
  answer[used] = 0;
  close(ends[0]);
  return wait_for_success(pid);
}

int probe(const char *scratch_template) {
  char answer[ANSWER_BYTES_MAX];
  bool user_namespace = !has_capabilities(capabilities_of_launcher);
  int flags = user_namespace ? CLONE_NEWUSER : 0;
  bool ok = try_everything(user_namespace, answer, sizeof answer);
  char *line_end = strchr(answer, '\n');
  if (line_end != NULL) *line_end = 0;
  printf("{\"ok\":%s,\"mode\":\"%s\"", ok ? "true" : "false", user_namespace ? "userns" : "root");
  // The child's line is an object of its own: its members go on after ours.
  if (!ok && answer[0] == '{' && line_end != NULL && line_end[-1] == '}') {
    line_end[-1] = 0;
    printf(",%s", answer + 1);
  } else if (!ok) {
    printf(",\"message\":\"the trial ended without a word\",\"step\":\"probe\",\"errno\":0");
  }
  printf(",\"userns\":%s", try_in_child(CLONE_NEWUSER | CLONE_NEWUTS, privileges) ? "true" : "false");
  printf(",\"netns\":%s", try_in_child(flags | CLONE_NEWNET, loopback) ? "true" : "false");
  printf(",\"pidns\":%s", try_in_child(flags | CLONE_NEWPID, nothing) ? "true" : "false");
  printf(",\"seccomp\":%s", try_in_child(0, filter) ? "true" : "false");
  printf(",\"landlock\":%d", landlock_version());
  if (scratch_template != NULL) printf(",\"scratch\":%s", prepare_scratch(scratch_template) == 0 ? "true" : "false");
  printf(",\"version\":%d}\n", PROTOCOL_VERSION);
  fflush(stdout);
  return ok ? 0 : 1;
}
