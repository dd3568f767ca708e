// "network up": holds the rules of one server for as long as that server lives, which its standard input shows. It
// outlives a server that is killed by the moment it takes to undo what it did, and obeys no signal, for its sandboxes
// may still run. What it has to say are lines of JSON on standard output:
//   {"blocked":{"family":F,"table":T,"chain":C}}   somebody else's firewall will hold functions back
//   {"forwarding":NAME}                            this interface forwards from now on, for sandboxes alone
//   {"released":true}                              the host forwards by itself now; nothing is to be undone any more
//   {"ready":true,"block":ADDRESS}                 the first address of the block of /20
//   {"error":TEXT,"step":S,"errno":E}              it cannot be; exit 1

#include "network.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define INTERFACES_MAX 256
#define TAKEN_MAX 4096
#define LOOK_PAUSE_MS 1000
#define GROUP_MARK 0x4c000000u

// Blocks are taken from here, in this order. The first is set aside for tests of network devices and meets least of what
// people use; the others are for machines on which even that is in use.
static const struct {
  unsigned first, blocks;
} ranges[] = {{0xc6120000, 32}, {0x64700000, 256}, {0xac1f0000, 16}, {0x0ad80000, 16}};

// As the kernel gives it; the C library's reader would bring an allocator along.
struct directory_entry {
  unsigned long long inode;
  long long offset;
  unsigned short length;
  unsigned char type;
  char name[];
};

struct span {
  unsigned first, last;
};
static struct span taken[TAKEN_MAX];
static int taken_count;
static char adopted[INTERFACES_MAX][IFNAMSIZ];
static int adopted_count;
static int netfilter = -1;
static unsigned own_block;

static void take_span(const void *attributes, size_t length, unsigned type, unsigned bits) {
  const struct nlattr *attribute = netlink_attribute(attributes, length, type);
  unsigned address;
  if (attribute == NULL || ATTRIBUTE_LENGTH(attribute) < sizeof address || taken_count == TAKEN_MAX || bits == 0) return;
  memcpy(&address, ATTRIBUTE_DATA(attribute), sizeof address);
  unsigned size_mask = bits >= 32 ? 0 : ~0u >> bits;
  taken[taken_count++] = (struct span){ntohl(address) & ~size_mask, ntohl(address) | size_mask};
}

static void look_at_route(const struct nlmsghdr *message, void *context) {
  (void)context;
  const struct rtmsg *route = NLMSG_DATA(message);
  take_span((const char *)route + NLMSG_ALIGN(sizeof *route), NLMSG_PAYLOAD(message, sizeof *route), RTA_DST,
            route->rtm_dst_len);
}

// Routes of every table, which those of the host's own addresses are among.
static int look_for_taken_addresses(int route) {
  struct rtmsg all = {.rtm_family = AF_INET};
  taken_count = 0;
  netlink_start();
  netlink_message(RTM_GETROUTE, NLM_F_DUMP, &all, sizeof all);
  return netlink_dump(route, look_at_route, NULL);
}

static bool is_taken(unsigned block) {
  unsigned last = block | ~0u >> BLOCK_BITS;
  for (int i = 0; i < taken_count; i++) {
    if (taken[i].first <= last && taken[i].last >= block) return true;
  }
  return false;
}

static void take_block(void) {
  int error = EADDRNOTAVAIL;
  for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
    for (unsigned k = 0; k < ranges[i].blocks; k++) {
      own_block = ranges[i].first + (k << (32 - BLOCK_BITS));
      if (is_taken(own_block)) continue;
      if (add_table(netfilter, own_block) == 0) return;
      error = errno;
      if (error != EEXIST && error != EPERM) break;
    }
  }
  errno = error;
  fail("rules", "add a table to nftables");
}

static bool read_flag(const char *name) {
  char path[96], value = '0';
  snprintf(path, sizeof path, "/proc/sys/net/ipv4/conf/%s/forwarding", name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return true;
  ssize_t count = read(fd, &value, 1);
  close(fd);
  return count != 1 || value != '0';
}

static int write_flag(const char *name, const char *value) {
  char path[96];
  snprintf(path, sizeof path, "/proc/sys/net/ipv4/conf/%s/forwarding", name);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t count = write(fd, value, 1);
  int error = errno;
  close(fd);
  errno = error;
  return count == 1 ? 0 : -1;
}

static bool is_adopted(const char *name) {
  for (int i = 0; i < adopted_count; i++) {
    if (strcmp(adopted[i], name) == 0) return true;
  }
  return false;
}

// Says so before it is done: whoever comes after a crash must know what to undo.
static int adopt(const char *name) {
  if (!is_adopted(name)) {
    if (adopted_count == INTERFACES_MAX) return 0;
    if (add_stranger_rule(netfilter, own_block, name) < 0) return -1;
    strcpy(adopted[adopted_count++], name);
    if (strpbrk(name, "\"\\") == NULL) report("{\"forwarding\":\"%s\"}", name);
  }
  return write_flag(name, "1");
}

static bool is_of_host(const char *name) {
  return name[0] != '.' && strlen(name) < IFNAMSIZ && strcmp(name, "all") != 0 && strcmp(name, "default") != 0 &&
         strcmp(name, "lo") != 0 && strncmp(name, LINK_PREFIX, sizeof LINK_PREFIX - 1) != 0;
}

// The host forwards nothing by itself: each interface by which answers may come in is made to, behind a rule that keeps
// everything but sandboxes as it was.
static int adopt_interfaces(void) {
  static char entries[8192] __attribute__((aligned(8)));
  int directory = open("/proc/sys/net/ipv4/conf", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return -1;
  int error = 0;
  for (long count; (count = syscall(SYS_getdents64, directory, entries, sizeof entries)) > 0;) {
    for (long at = 0; at < count;) {
      const struct directory_entry *entry = (const struct directory_entry *)(entries + at);
      at += entry->length;
      if (!is_of_host(entry->name) || read_flag(entry->name)) continue;
      // One that has just gone is no failure.
      if (adopt(entry->name) < 0 && errno != ENOENT) error = errno;
    }
  }
  close(directory);
  errno = error;
  return error == 0 ? 0 : -1;
}

static void look_at_forwarding(void) {
  if (!read_flag("all")) {
    adopt_interfaces();
  } else if (adopted_count > 0) {
    clear_stranger_rules(netfilter, own_block);
    adopted_count = 0;
    report("{\"released\":true}");
  }
}

// Takes all links of the block from the host at once, so that nothing of a sandbox passes when the rules have gone.
static void cut_links(int route) {
  struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
  netlink_start();
  netlink_message(RTM_DELLINK, NLM_F_ACK, &info, sizeof info);
  netlink_put_u32(IFLA_GROUP, GROUP_MARK | own_block >> (32 - BLOCK_BITS));
  netlink_exchange(route);
}

static void undo(int route) {
  cut_links(route);
  if (!read_flag("all")) {
    for (int i = 0; i < adopted_count; i++) write_flag(adopted[i], "0");
  }
  close(netfilter);
}

static void drain(int events) {
  char unread[8192];
  for (int i = 0; i < 1000 && recv(events, unread, sizeof unread, MSG_DONTWAIT) > 0; i++) continue;
}

// At most one look a pause, for each new sandbox is an event as well.
static void wait_for_end(int events) {
  struct pollfd watched[] = {{0, POLLIN, 0}, {events, POLLIN, 0}};
  bool pending = false;
  for (;;) {
    int ready = poll(watched, pending ? 1 : 2, pending ? LOOK_PAUSE_MS : -1);
    if (ready < 0 && errno != EINTR) return;
    if (ready > 0 && watched[0].revents != 0) {
      char unread[64];
      if (read(0, unread, sizeof unread) <= 0) return;
    } else if (ready == 0) {
      drain(events);
      look_at_forwarding();
      pending = false;
    } else if (!pending && watched[1].revents != 0) {
      drain(events);
      look_at_forwarding();
      pending = true;
    }
  }
}

static int bring_up(char **interfaces) {
  int route = open_netlink(NETLINK_ROUTE, 0);
  netfilter = open_netlink(NETLINK_NETFILTER, 0);
  if (route < 0 || netfilter < 0) fail("rules", "speak with nftables");
  if (look_for_taken_addresses(route) < 0) fail("routes", "list the host's routes");
  take_block();
  // What a server before this one has left on, because it was killed together with its holder.
  for (; *interfaces != NULL; interfaces++) {
    if (strlen(*interfaces) < IFNAMSIZ && is_of_host(*interfaces) && !read_flag("all")) adopt(*interfaces);
  }
  if (!read_flag("all") && adopt_interfaces() < 0) fail("forwarding", "turn on forwarding");
  return route;
}

int hold_network(char **interfaces) {
  report_fd = 1;
  ignore_signals();
  stay_in_memory();
  prctl(PR_SET_NAME, "lambdad-network", 0, 0, 0);
  int events = open_netlink(NETLINK_ROUTE, 1u << (RTNLGRP_IPV4_NETCONF - 1));
  if (events < 0) fail("rules", "watch the interfaces");
  int route = bring_up(interfaces);
  report_foreign_walls(netfilter);
  report("{\"ready\":true,\"block\":\"%u.%u.%u.%u\"}", own_block >> 24, own_block >> 16 & 255, own_block >> 8 & 255,
         own_block & 255);
  wait_for_end(events);
  undo(route);
  return 0;
}

// The rules and a link, tried in network namespaces that nobody else is in.
static int try_all(void) {
  char address[16], gateway[16];
  char *no_interfaces[] = {NULL};
  char *arguments[] = {"link", address, gateway, NULL};
  if (unshare(CLONE_NEWNET) < 0) fail("unshare", "make a network namespace");
  bring_up(no_interfaces);
  snprintf(address, sizeof address, "%u.%u.%u.2", own_block >> 24, own_block >> 16 & 255, own_block >> 8 & 255);
  snprintf(gateway, sizeof gateway, "%u.%u.%u.1", own_block >> 24, own_block >> 16 & 255, own_block >> 8 & 255);
  prepare_network(arguments);
  return 0;
}

// "network probe": what "network up" would say here, and nothing is changed.
int probe_network(void) {
  report_fd = 1;
  int status;
  pid_t pid = clone_into(0);
  if (pid == 0) _exit(try_all());
  if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0) return 1;
  netfilter = open_netlink(NETLINK_NETFILTER, 0);
  if (netfilter < 0) fail("rules", "speak with nftables");
  report_foreign_walls(netfilter);
  report("{\"ready\":true,\"forwards\":%s}", read_flag("all") ? "true" : "false");
  return 0;
}
