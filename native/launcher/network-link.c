// The network namespace of one sandbox, made while its launcher stands by: loopback alone, or a link to the host as well.
// The link is point to point. Nothing is asked on it: neighbours are entered for good, so that there is nothing to
// forge, and the host's end has no address. Only the host's rules (network-rules.c) let anything pass through it.

#include "network.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define INNER_NAME "eth0"
#define LOOPBACK_INDEX 1
// Not in the kernel's headers for programs.
#define NO_GENERATED_ADDRESS 1
#define GROUP_MARK 0x4c000000u

static const unsigned char outer_mac[6] = {0x02, 0x6c, 0x6d, 0x62, 0x64, 0x01};
static const unsigned char inner_mac[6] = {0x02, 0x6c, 0x6d, 0x62, 0x64, 0x02};

static int prepared = -1;

// Where no function has any business, besides what the host's rules and addresses add: link-local and the metadata
// services of clouds (169.254.169.254, Alibaba's, Oracle's, Azure's), multicast and what is reserved.
static const char *const nowhere[] = {"169.254.0.0/16", "100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32",
                                      "224.0.0.0/4", "240.0.0.0/4"};

// Four decimal numbers with points between them.
bool parse_address(const char *text, unsigned *address) {
  char part[4];
  *address = 0;
  for (int i = 0; i < 4; i++) {
    long number;
    size_t length = text == NULL ? 0 : strspn(text, "0123456789");
    if (length == 0 || length >= sizeof part || text[length] != (i == 3 ? 0 : '.')) return false;
    memcpy(part, text, length);
    part[length] = 0;
    if (!parse_number(part, 0, 255, &number)) return false;
    *address = *address << 8 | (unsigned)number;
    text += length + 1;
  }
  return true;
}

static int index_of(int netlink, const char *name) {
  struct ifreq request;
  memset(&request, 0, sizeof request);
  strcpy(request.ifr_name, name);
  return ioctl(netlink, SIOCGIFINDEX, &request) < 0 ? -1 : request.ifr_ifindex;
}

static void put_address(unsigned type, unsigned address) { netlink_put_u32(type, htonl(address)); }

static void begin_route(unsigned char kind, unsigned char scope, unsigned char bits, unsigned flags) {
  struct rtmsg route = {.rtm_family = AF_INET, .rtm_dst_len = bits, .rtm_table = RT_TABLE_MAIN,
                        .rtm_protocol = RTPROT_STATIC, .rtm_scope = scope, .rtm_type = kind, .rtm_flags = flags};
  netlink_message(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, &route, sizeof route);
}

static void put_prohibition(const char *text) {
  char address[INET_ADDRSTRLEN];
  const char *slash = strchr(text, '/');
  size_t length = slash == NULL ? strlen(text) : (size_t)(slash - text);
  long bits = 32;
  unsigned parsed;
  if (length >= sizeof address) return;
  memcpy(address, text, length);
  address[length] = 0;
  if (slash != NULL && !parse_number(slash + 1, 1, 32, &bits)) return;
  if (!parse_address(address, &parsed)) return;
  begin_route(RTN_PROHIBIT, RT_SCOPE_UNIVERSE, (unsigned char)bits, 0);
  put_address(RTA_DST, parsed);
}

// Routes that lead nowhere, in the sandbox's own namespace, which nothing inside may change. IPv6 is closed as a whole.
int wall_off(int netlink, const char *const denied[], int denied_count) {
  struct rtmsg everything = {.rtm_family = AF_INET6, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_STATIC,
                             .rtm_type = RTN_PROHIBIT};
  netlink_start();
  for (size_t i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++) put_prohibition(nowhere[i]);
  for (int i = 0; i < denied_count; i++) put_prohibition(denied[i]);
  if (netlink_exchange(netlink) < 0) return -1;
  netlink_start();
  netlink_message(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, &everything, sizeof everything);
  netlink_put_u32(RTA_OIF, LOOPBACK_INDEX);
  // A kernel without IPv6 has nothing to close.
  return netlink_exchange(netlink) < 0 && errno != EAFNOSUPPORT && errno != EOPNOTSUPP ? -1 : 0;
}

static void put_link(const char *name, unsigned address, int namespace) {
  struct ifinfomsg info = {.ifi_family = AF_UNSPEC, .ifi_flags = IFF_NOARP, .ifi_change = IFF_NOARP};
  netlink_message(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &info, sizeof info);
  netlink_put_text(IFLA_IFNAME, name);
  netlink_put(IFLA_ADDRESS, outer_mac, sizeof outer_mac);
  netlink_put_u32(IFLA_GROUP, GROUP_MARK | address >> (32 - BLOCK_BITS));
  size_t kind = netlink_nest(IFLA_LINKINFO);
  netlink_put_text(IFLA_INFO_KIND, "veth");
  size_t data = netlink_nest(IFLA_INFO_DATA);
  size_t peer = netlink_nest(VETH_INFO_PEER);
  netlink_append(&info, sizeof info);
  netlink_put_text(IFLA_IFNAME, INNER_NAME);
  netlink_put(IFLA_ADDRESS, inner_mac, sizeof inner_mac);
  netlink_put_u32(IFLA_NET_NS_FD, (unsigned)namespace);
  netlink_nested(peer);
  netlink_nested(data);
  netlink_nested(kind);
}

// Up, without IPv6 addresses; at the host's end packets are to be forwarded, whatever the host does elsewhere. Two
// messages, for in one the kernel brings the link up first, and gives it an address.
static void put_up(int index, bool forwarding) {
  struct ifinfomsg info = {.ifi_family = AF_UNSPEC, .ifi_index = index};
  netlink_message(RTM_NEWLINK, NLM_F_ACK, &info, sizeof info);
  size_t families = netlink_nest(IFLA_AF_SPEC);
  if (forwarding) {
    size_t family = netlink_nest(AF_INET);
    size_t settings = netlink_nest(IFLA_INET_CONF);
    netlink_put_u32(IPV4_DEVCONF_FORWARDING, 1);
    netlink_nested(settings);
    netlink_nested(family);
  }
  if (access("/proc/sys/net/ipv6", F_OK) == 0) {
    unsigned char mode = NO_GENERATED_ADDRESS;
    size_t family = netlink_nest(AF_INET6);
    netlink_put(IFLA_INET6_ADDR_GEN_MODE, &mode, sizeof mode);
    netlink_nested(family);
  }
  netlink_nested(families);
  info.ifi_flags = info.ifi_change = IFF_UP;
  netlink_message(RTM_NEWLINK, NLM_F_ACK, &info, sizeof info);
}

static void put_neighbour(int index, unsigned address, const unsigned char mac[6]) {
  struct ndmsg neighbour = {.ndm_family = AF_INET, .ndm_ifindex = index, .ndm_state = NUD_PERMANENT};
  netlink_message(RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, &neighbour, sizeof neighbour);
  put_address(NDA_DST, address);
  netlink_put(NDA_LLADDR, mac, 6);
}

static int add_link(int host, unsigned address, int namespace, const char *name) {
  netlink_start();
  put_link(name, address, namespace);
  if (netlink_exchange(host) == 0) return 0;
  if (errno != EEXIST) return -1;
  // The link of a sandbox that has ended, which the kernel has not taken away yet.
  struct ifinfomsg old = {.ifi_family = AF_UNSPEC};
  netlink_start();
  netlink_message(RTM_DELLINK, NLM_F_ACK, &old, sizeof old);
  netlink_put_text(IFLA_IFNAME, name);
  netlink_exchange(host);
  netlink_start();
  put_link(name, address, namespace);
  return netlink_exchange(host);
}

static int configure_outside(int host, unsigned address, const char *name) {
  int index = index_of(host, name);
  if (index < 0) return -1;
  netlink_start();
  put_up(index, true);
  begin_route(RTN_UNICAST, RT_SCOPE_LINK, 32, 0);
  put_address(RTA_DST, address);
  netlink_put_u32(RTA_OIF, (unsigned)index);
  put_neighbour(index, address, inner_mac);
  return netlink_exchange(host);
}

static int configure_inside(int sandbox, unsigned address, unsigned gateway) {
  int index = index_of(sandbox, INNER_NAME);
  if (index < 0) return -1;
  struct ifaddrmsg own = {.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = (unsigned)index};
  netlink_start();
  put_up(index, false);
  netlink_message(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &own, sizeof own);
  put_address(IFA_LOCAL, address);
  put_address(IFA_ADDRESS, address);
  put_neighbour(index, gateway, outer_mac);
  begin_route(RTN_UNICAST, RT_SCOPE_UNIVERSE, 0, RTNH_F_ONLINK);
  put_address(RTA_GATEWAY, gateway);
  netlink_put_u32(RTA_OIF, (unsigned)index);
  return netlink_exchange(sandbox);
}

// The address that is closed besides: the block in which all other sandboxes of this server are.
static int wall_off_block(int sandbox, unsigned address) {
  char block[INET_ADDRSTRLEN + 4];
  unsigned first = address >> (32 - BLOCK_BITS) << (32 - BLOCK_BITS);
  const char *const denied[] = {block};
  snprintf(block, sizeof block, "%u.%u.%u.%u/%d", first >> 24, first >> 16 & 255, first >> 8 & 255, first & 255,
           BLOCK_BITS);
  return wall_off(sandbox, denied, 1);
}

static void link_up(int host, int sandbox, int namespace, unsigned address, unsigned gateway) {
  char name[IFNAMSIZ];
  snprintf(name, sizeof name, LINK_PREFIX "%08x", address);
  if (add_link(host, address, namespace, name) < 0) fail("network", "make the link %s", name);
  if (configure_outside(host, address, name) < 0) fail("network", "configure the link %s", name);
  if (configure_inside(sandbox, address, gateway) < 0) fail("network", "configure the sandbox's end of %s", name);
  if (wall_off_block(sandbox, address) < 0) fail("network", "close what no function may reach");
}

static int open_namespace(void) { return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC); }

static void prepare(unsigned address, unsigned gateway) {
  int back = open_namespace();
  int host = open_netlink(NETLINK_ROUTE, 0);
  if (back < 0 || host < 0) fail("network", "look at the host's network");
  if (unshare(CLONE_NEWNET) < 0) fail("unshare", "make the network namespace");
  int sandbox = open_netlink(NETLINK_ROUTE, 0);
  prepared = open_namespace();
  if (sandbox < 0 || prepared < 0 || raise_loopback() < 0) fail("network", "raise the loopback interface");
  if (setns(back, CLONE_NEWNET) < 0) fail("network", "return to the host's network");
  if (address != 0) link_up(host, sandbox, prepared, address, gateway);
  close(host);
  close(sandbox);
  close(back);
}

char **prepare_network(char **arguments) {
  if (*arguments == NULL) return arguments;
  if (strcmp(*arguments, "alone") == 0) {
    prepare(0, 0);
    return arguments + 1;
  }
  if (strcmp(*arguments, "link") == 0) {
    unsigned address, gateway;
    if (!parse_address(arguments[1], &address) || !parse_address(arguments[2], &gateway)) {
      refuse("network", "link needs two addresses");
    }
    prepare(address, gateway);
    return arguments + 3;
  }
  return arguments;
}

bool enter_prepared_network(void) {
  if (prepared < 0) return false;
  if (setns(prepared, CLONE_NEWNET) < 0) fail("network", "enter the network namespace");
  close(prepared);
  return true;
}
