// Firewalls of others that refuse what they do not know: a packet needs everybody's consent, so what they refuse our
// rules cannot allow. Found are base chains of the forward hook that drop by policy, in nftables and in the older
// iptables, and firewalld's, which refuses by its last rule; those that name our links anywhere are believed to let them
// pass.

#include "network.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define FOREIGN_MAX 16
#define NAME_BYTES_MAX 128
#define OLD_TABLE_BYTES_MAX (4u << 20)

struct foreign {
  unsigned char family;
  char table[NAME_BYTES_MAX];
  char chain[NAME_BYTES_MAX];
  bool knows_us;
};

static struct foreign found[FOREIGN_MAX];
static int found_count;

// Names go into JSON lines, and onwards into commands for people.
static void copy_name(char *out, const struct nlattr *attribute) {
  const char *text = ATTRIBUTE_DATA(attribute);
  size_t used = 0;
  for (size_t i = 0; i < ATTRIBUTE_LENGTH(attribute) && text[i] != 0 && used < NAME_BYTES_MAX - 1; i++) {
    bool plain = text[i] > ' ' && text[i] < 127 && strchr("\"\\'$`;&|<>()", text[i]) == NULL;
    out[used++] = plain ? text[i] : '?';
  }
  out[used] = 0;
}

static unsigned number_in(const void *attributes, size_t length, unsigned type, unsigned otherwise) {
  const struct nlattr *attribute = netlink_attribute(attributes, length, type);
  unsigned value;
  if (attribute == NULL || ATTRIBUTE_LENGTH(attribute) < sizeof value) return otherwise;
  memcpy(&value, ATTRIBUTE_DATA(attribute), sizeof value);
  return ntohl(value);
}

static void look_at_chain(const struct nlmsghdr *message, void *context) {
  (void)context;
  const struct nfgenmsg *head = NLMSG_DATA(message);
  const char *attributes = (const char *)head + NLMSG_ALIGN(sizeof *head);
  size_t length = NLMSG_PAYLOAD(message, sizeof *head);
  const struct nlattr *table = netlink_attribute(attributes, length, NFTA_CHAIN_TABLE);
  const struct nlattr *chain = netlink_attribute(attributes, length, NFTA_CHAIN_NAME);
  const struct nlattr *hook = netlink_attribute(attributes, length, NFTA_CHAIN_HOOK);
  if (head->nfgen_family != NFPROTO_IPV4 && head->nfgen_family != NFPROTO_INET) return;
  if (table == NULL || chain == NULL || hook == NULL || found_count == FOREIGN_MAX) return;
  if (number_in(ATTRIBUTE_DATA(hook), ATTRIBUTE_LENGTH(hook), NFTA_HOOK_HOOKNUM, 0) != NF_INET_FORWARD) return;
  struct foreign *foreign = &found[found_count];
  memset(foreign, 0, sizeof *foreign);
  foreign->family = head->nfgen_family;
  copy_name(foreign->table, table);
  copy_name(foreign->chain, chain);
  if (strncmp(foreign->table, TABLE_PREFIX, sizeof TABLE_PREFIX - 1) == 0) return;
  bool drops = number_in(attributes, length, NFTA_CHAIN_POLICY, NF_ACCEPT) == NF_DROP;
  if (drops || strcmp(foreign->table, "firewalld") == 0) found_count++;
}

static void look_at_rule(const struct nlmsghdr *message, void *context) {
  if (memmem(message, message->nlmsg_len, LINK_PREFIX, sizeof LINK_PREFIX - 1) != NULL) *(bool *)context = true;
}

static void begin_listing(unsigned kind, unsigned char family) {
  struct nfgenmsg head = {.nfgen_family = family, .version = NFNETLINK_V0};
  netlink_start();
  netlink_message(NFNL_SUBSYS_NFTABLES << 8 | kind, NLM_F_DUMP, &head, sizeof head);
}

static void report_wall(const char *family, const char *table, const char *chain) {
  report("{\"blocked\":{\"family\":\"%s\",\"table\":\"%s\",\"chain\":\"%s\"}}", family, table, chain);
}

static bool has_old_tables(void) {
  char names[512];
  int fd = open("/proc/net/ip_tables_names", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t count = read(fd, names, sizeof names - 1);
  close(fd);
  if (count <= 0) return false;
  names[count] = 0;
  return strstr(names, "filter\n") != NULL;
}

static bool drops_by_policy(const struct ipt_getinfo *information, const struct ipt_get_entries *entries) {
  size_t at = information->underflow[NF_INET_FORWARD];
  if (at + sizeof(struct ipt_entry) > information->size) return false;
  const struct ipt_entry *entry = (const struct ipt_entry *)((const char *)entries->entrytable + at);
  if (at + entry->target_offset + sizeof(struct xt_standard_target) > information->size) return false;
  const struct xt_standard_target *target =
      (const struct xt_standard_target *)((const char *)entry + entry->target_offset);
  return target->verdict == -NF_DROP - 1;
}

// Asked for only where the kernel has such a table already: asking would make one.
static void look_at_old_table(void) {
  struct ipt_getinfo information = {.name = "filter"};
  socklen_t length = sizeof information;
  if (!has_old_tables()) return;
  int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
  if (fd < 0) return;
  if (getsockopt(fd, IPPROTO_IP, IPT_SO_GET_INFO, &information, &length) == 0 &&
      information.size <= OLD_TABLE_BYTES_MAX) {
    socklen_t room = sizeof(struct ipt_get_entries) + information.size;
    struct ipt_get_entries *entries =
        mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (entries != MAP_FAILED) {
      strcpy(entries->name, "filter");
      entries->size = information.size;
      if (getsockopt(fd, IPPROTO_IP, IPT_SO_GET_ENTRIES, entries, &room) == 0 &&
          drops_by_policy(&information, entries) &&
          memmem(entries->entrytable, information.size, LINK_PREFIX, sizeof LINK_PREFIX - 1) == NULL) {
        report_wall("iptables", "filter", "FORWARD");
      }
      munmap(entries, room);
    }
  }
  close(fd);
}

// One line for each wall that would hold functions back. That others cannot be listed is no failure.
void report_foreign_walls(int netfilter) {
  found_count = 0;
  begin_listing(NFT_MSG_GETCHAIN, AF_UNSPEC);
  if (netlink_dump(netfilter, look_at_chain, NULL) == 0) {
    for (int i = 0; i < found_count; i++) {
      begin_listing(NFT_MSG_GETRULE, found[i].family);
      netlink_put_text(NFTA_RULE_TABLE, found[i].table);
      netlink_dump(netfilter, look_at_rule, &found[i].knows_us);
      if (!found[i].knows_us) {
        report_wall(found[i].family == NFPROTO_INET ? "inet" : "ip", found[i].table, found[i].chain);
      }
    }
  }
  look_at_old_table();
}
