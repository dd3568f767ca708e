// Pid 1 of the sandbox, up to its answer "ready". Whatever fails ends the process, and with it the sandbox.

#include "network.h"
#include <errno.h>
#include <linux/keyctl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void leave_keyring(void) {
  // The server's session keyring must not be inherited; a kernel without keyrings has none to inherit.
  if (stands(WALL_KEYRING) && syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS &&
      errno != EPERM) {
    fail("keyring", "take a new session keyring");
  }
}

// Also what the probe tries, short of an answer to a server.
void build_sandbox(const struct setup *setup, uid_t own_uid, gid_t own_gid) {
  if (setup->user_namespace && write_identity_maps(setup->uid, setup->gid, own_uid, own_gid) < 0) {
    fail("idmap", "map the user into the new user namespace");
  }
  invite_helper(setup);
  umask(022);
  if (setup->hostname != NULL && stands(WALL_UTS) && sethostname(setup->hostname, strlen(setup->hostname)) < 0) {
    fail("hostname", "set %s", setup->hostname);
  }
  leave_keyring();
  build_root(setup);
  if (prepare_confinement(setup) < 0) fail("landlock", "make the rules");
  if (!setup->network_host && stands(WALL_NET) && raise_loopback() < 0) fail("network", "raise the loopback interface");
}

static void lock_down(const struct setup *setup) {
  // Bubblewrap has emptied it already, and left nothing to empty it with.
  if (setup->bubblewrap == NULL && stands(WALL_CAPABILITIES) && drop_bounding_set() < 0) fail("capabilities", "empty the bounding set");
  if (stands(WALL_CAPABILITIES) && keep_capabilities(capabilities_of_init) < 0) fail("capabilities", "give up those of no use");
  // From here on /proc/1 belongs to the host's root, and nobody inside reads its memory, environment or descriptors.
  if (stands(WALL_DUMPABLE) && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) fail("dumpable", "protect the memory of pid 1");
  // A change of capabilities may clear it.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) fail("pdeathsig", "follow the outer process");
}

// In the form in which Node passes handles over an 'ipc' channel: the receiver sees a message {"listener":PORT} or
// {"forward":PORT} and a handle that net.Server's listen() takes.
static void hand_over_listener(const char *kind, unsigned address, long port) {
  long bound_port;
  char line[128];
  int listener = open_listener(address, port, &bound_port);
  if (listener < 0) fail("listen", "listen on port %ld of the loopback interface", port);
  int length = snprintf(line, sizeof line,
                        "{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Native\",\"msg\":{\"%s\":%ld}}\n", kind, bound_port);
  send_all(line, (size_t)length, listener);
  close(listener);
}

// While there are privileges: some ports need them, and routes.
static bool complete_network(const struct setup *setup) {
  for (int i = 0; i < setup->forward_count; i++) {
    hand_over_listener("forward", INADDR_LOOPBACK, setup->forwards[i]);
  }
  if (setup->helper == NULL) return true;
  int netlink = open_netlink(NETLINK_ROUTE, 0);
  if (netlink < 0 || wall_off(netlink, setup->denied, setup->denied_count) < 0) {
    fail("network", "close what no function may reach");
  }
  close(netlink);
  return wait_for_helper(setup);
}

void run_init(const struct setup *setup, uid_t own_uid, gid_t own_gid) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) fail("pdeathsig", "follow the outer process");
  close(FD_STDOUT_READ);
  close(FD_STDERR_READ);
  close(FD_LOG_READ);
  close(FD_EXTENSION_READ);
  close(FD_LIFELINE_WRITE);
  if (setup->gate != NULL) close(FD_MOUNTS_OUTER);
  ignore_signals();
  if (setup->bubblewrap == NULL) {
    build_sandbox(setup, own_uid, own_gid);
  } else {
    leave_keyring();
    if (prepare_confinement(setup) < 0) fail("landlock", "make the rules");
  }
  hand_over_datagrams(setup);
  bool linked = complete_network(setup);
  await_outer(setup);
  lock_down(setup);
  if (setup->listen_port >= 0) hand_over_listener("listener", setup->listen_address, setup->listen_port);
  report("{\"ready\":true,\"pid\":%d,\"version\":%d%s}", setup->outer_pid, PROTOCOL_VERSION,
         linked ? "" : ",\"offline\":true");
  supervise(setup);
}
