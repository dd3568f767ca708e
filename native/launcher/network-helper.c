// An ordinary user's way out: a program on the host's side that reads what the sandbox sends and makes connections of its
// own for it. A watcher stands above it, because neither kind of helper ends with its parent by itself: pasta changes
// its credentials, which makes the kernel forget that it should. The watcher has a name of its own, by which the server
// tells the two from the function's processes.

#include "network.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define HELPER_WAIT_MS 5000
#define PLACE_BYTES_MAX 64
#define WATCHER_NAME "lambdad-helper"
#define FD_LIFE 3
#define FD_WORD 4
#define FD_NETWORK 5
#define PLACE_OF_NETWORK "/proc/self/fd/5"

// One end for pid 1, one for the other side. Pid 1 says "m" once its identity maps are written; the end of the socket
// tells it that the helper has ended.
static int inner = -1, outer = -1;
static int events = -1;

void open_helper_channel(const struct setup *setup) {
  int ends[2];
  if (setup->helper == NULL) return;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) fail("network", "make a channel");
  inner = ends[0];
  outer = ends[1];
}

// slirp4netns is led into the sandbox's user namespace, with what it needs there to wall itself in: none of these
// privileges reaches beyond.
static int enter_user_namespace(const char *place) {
  static const unsigned needed[] = {CAP_SYS_ADMIN, CAP_NET_ADMIN, CAP_SETPCAP, CAP_SYS_CHROOT, CAP_NET_BIND_SERVICE};
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  int fd = open(place, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || setns(fd, CLONE_NEWUSER) < 0 || syscall(SYS_capget, &header, data) < 0) return -1;
  close(fd);
  data[0].inheritable = data[0].permitted;
  if (syscall(SYS_capset, &header, data) < 0) return -1;
  for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, needed[i], 0, 0) < 0) return -1;
  }
  return 0;
}

// It wants to be uid 0 there. The sandbox's namespace has none: an ordinary user may map one id, which is the function's.
// With its capabilities it needs none either; so the two calls that would fail are answered as if they had been done.
static int pretend_identity_changes(void) {
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setresgid, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setresuid, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 0),
  };
  struct sock_fprog filter = {.len = sizeof code / sizeof code[0], .filter = code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -1;
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0);
}

static int prepare_slirp(const char *user_place, const char *net_place) {
  // By descriptor, for it may not look at the place itself any more.
  int network = open(net_place, O_RDONLY);
  if (network < 0 || dup2(network, FD_NETWORK) < 0) return -1;
  return enter_user_namespace(user_place) < 0 ? -1 : pretend_identity_changes();
}

static _Noreturn void run_helper(const struct setup *setup, pid_t init) {
  char user_place[PLACE_BYTES_MAX], net_place[PLACE_BYTES_MAX];
  char *const none[] = {NULL};
  snprintf(user_place, sizeof user_place, "/proc/%d/ns/user", init);
  snprintf(net_place, sizeof net_place, "/proc/%d/ns/net", init);
  // Nothing is forwarded in either direction, and the gateway's address does not stand for the host.
  const char *const pasta[] = {setup->helper, "--foreground", "--quiet", "--config-net", "--no-map-gw", "--ipv4-only",
                               "--tcp-ports", "none", "--udp-ports", "none", "--tcp-ns", "none", "--udp-ns", "none",
                               "--no-dhcp", "--no-ndp", "--no-ra", "--no-dhcpv6", "--ns-ifname", "eth0",
                               "--userns", user_place, "--netns", net_place, NULL};
  const char *const slirp[] = {setup->helper, "--configure", "--mtu=65520", "--disable-host-loopback", "--disable-dns",
                               "--enable-sandbox", "--enable-seccomp", "--cidr=198.18.0.0/24", "--netns-type=path",
                               PLACE_OF_NETWORK, "eth0", NULL};
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  syscall(SYS_close_range, FD_LIFE, ~0u, 0);
  reset_signals();
  if (!setup->helper_is_pasta && prepare_slirp(user_place, net_place) < 0) _exit(126);
  execve(setup->helper, (char *const *)(setup->helper_is_pasta ? pasta : slirp), none);
  dprintf(2, "lambdad-sandbox: network: %s: %s\n", setup->helper, strerror(errno));
  _exit(127);
}

// Ends the helper with the outer process, and itself with the helper.
static _Noreturn void watch(const struct setup *setup, pid_t init, int life) {
  // Of all that the outer process has open only its standard output and error stay.
  if (dup3(life, FD_LIFE + 10, 0) < 0 || dup3(outer, FD_WORD, 0) < 0 || dup3(FD_LIFE + 10, FD_LIFE, 0) < 0) _exit(1);
  syscall(SYS_close_range, FD_WORD + 1, ~0u, 0);
  dup2(1, 0);
  prctl(PR_SET_NAME, WATCHER_NAME, 0, 0, 0);
  pid_t helper = clone_into(0);
  if (helper == 0) run_helper(setup, init);
  int handle = helper < 0 ? -1 : (int)syscall(SYS_pidfd_open, helper, 0);
  struct pollfd watched[] = {{FD_LIFE, POLLIN, 0}, {handle, POLLIN, 0}};
  while (handle >= 0 && poll(watched, 2, -1) < 0 && errno == EINTR) continue;
  if (helper > 0) kill(helper, SIGKILL);
  _exit(0);
}

// The outer process, once pid 1 is there.
void start_helper(const struct setup *setup, pid_t init) {
  char word;
  int life[2];
  if (setup->helper == NULL) return;
  close(inner);
  if (read(outer, &word, 1) == 1 && pipe2(life, O_CLOEXEC) == 0) {
    if (clone_into(0) == 0) watch(setup, init, life[0]);
    // The other end stays open until this process ends.
    close(life[0]);
  }
  close(outer);
}

// Interfaces that are made from here on have no addresses of IPv6; where this fails, routes close it all the same.
static void refuse_ipv6(void) {
  int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  ssize_t count = write(fd, "1", 1);
  (void)count;
  close(fd);
}

// Pid 1, whose namespaces can be entered from now on.
void invite_helper(const struct setup *setup) {
  if (setup->helper == NULL) return;
  close(outer);
  refuse_ipv6();
  events = open_netlink(NETLINK_ROUTE, RTMGRP_IPV4_ROUTE);
  if (events < 0 || write(inner, "m", 1) != 1) fail("network", "invite the network's helper");
}

static bool has_default_route(void) {
  char messages[4096] __attribute__((aligned(8)));
  ssize_t count = recv(events, messages, sizeof messages, MSG_DONTWAIT);
  size_t left = count < 0 ? 0 : (size_t)count;
  for (struct nlmsghdr *message = (struct nlmsghdr *)messages; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
    const struct rtmsg *route = NLMSG_DATA(message);
    if (message->nlmsg_type == RTM_NEWROUTE && route->rtm_dst_len == 0 && route->rtm_type == RTN_UNICAST) return true;
  }
  return false;
}

static long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Whether the way out is there. The sandbox stands without it: a machine may be offline.
bool wait_for_helper(const struct setup *setup) {
  if (setup->helper == NULL) return true;
  bool there = false;
  long end = now_ms() + HELPER_WAIT_MS;
  struct pollfd watched[] = {{events, POLLIN, 0}, {inner, POLLIN, 0}};
  for (long left; !there && watched[1].revents == 0 && (left = end - now_ms()) > 0;) {
    if (poll(watched, 2, (int)left) > 0 && watched[0].revents != 0) there = has_default_route();
  }
  close(events);
  close(inner);
  return there;
}
