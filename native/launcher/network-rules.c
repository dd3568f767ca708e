// The rules of one server, in a table of its own. The table belongs to the socket that made it: others cannot change or
// flush it, and the kernel removes it with that socket, however its holder ends.
//
//   arrival   hook prerouting, before connection tracking and before anybody's address translation:
//             what comes from a sandbox goes through `walls`
//   walls     refuses what is not IPv4 from the block, what is no unicast address elsewhere (so every address of the
//             host, in whatever form it was written), link-local, metadata services, the block itself
//   here      hook input: nothing from a sandbox is for the host, even when others translate it so
//   onward    hook forward: `walls` again, nothing to links of sandboxes, a bounded number of connections each; back to a
//             sandbox only what belongs to its connections
//   departure hook postrouting: the block's addresses become the host's
//   strangers hook forward: an interface that forwards only because of this server forwards for sandboxes alone

#include "network.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#define CONNECTIONS_PER_SANDBOX_MAX 1024
#define BLOCK_SIZE (1u << (32 - BLOCK_BITS))
#define PRIORITY_ARRIVAL (-300)
#define PRIORITY_FILTER 0
#define PRIORITY_DEPARTURE 100
#define SOURCE 12
#define DESTINATION 16
#define ICMP_ADMINISTRATIVELY_PROHIBITED 13
#define STATE_BIT(state) (1u << ((state) % IP_CT_IS_REPLY + 1))
#define STATE_NEW STATE_BIT(IP_CT_NEW)
#define STATE_OF_CONNECTION (STATE_BIT(IP_CT_ESTABLISHED) | STATE_BIT(IP_CT_RELATED))
#define SET_NAME "connections"
#define SET_ID 1
// The tool's own number for "an IPv4 address", so that it can show the set.
#define KEY_TYPE_ADDRESS 7

static char table[32];
static size_t rule_at, element_at, data_at;

static void put_number(unsigned type, unsigned value) { netlink_put_u32(type, htonl(value)); }

static void begin(unsigned kind, unsigned flags) {
  struct nfgenmsg head = {.nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0};
  netlink_message(NFNL_SUBSYS_NFTABLES << 8 | kind, flags | NLM_F_ACK, &head, sizeof head);
}

static void frame_batch(unsigned type) {
  struct nfgenmsg head = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES)};
  netlink_message(type, 0, &head, sizeof head);
}

static void begin_batch(unsigned block) {
  snprintf(table, sizeof table, TABLE_PREFIX "%u.%u.%u.%u", block >> 24, block >> 16 & 255, block >> 8 & 255,
           block & 255);
  netlink_start();
  frame_batch(NFNL_MSG_BATCH_BEGIN);
}

static int commit(int netfilter) {
  frame_batch(NFNL_MSG_BATCH_END);
  return netlink_exchange(netfilter);
}

static void add_chain(const char *name, const char *type, unsigned hook, int priority) {
  begin(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
  netlink_put_text(NFTA_CHAIN_TABLE, table);
  netlink_put_text(NFTA_CHAIN_NAME, name);
  if (type == NULL) return;
  size_t place = netlink_nest(NFTA_CHAIN_HOOK);
  put_number(NFTA_HOOK_HOOKNUM, hook);
  put_number(NFTA_HOOK_PRIORITY, (unsigned)priority);
  netlink_nested(place);
  netlink_put_text(NFTA_CHAIN_TYPE, type);
}

static void begin_rule(const char *chain) {
  begin(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
  netlink_put_text(NFTA_RULE_TABLE, table);
  netlink_put_text(NFTA_RULE_CHAIN, chain);
  rule_at = netlink_nest(NFTA_RULE_EXPRESSIONS);
}

static void end_rule(void) { netlink_nested(rule_at); }

static void begin_expression(const char *name) {
  element_at = netlink_nest(NFTA_LIST_ELEM);
  netlink_put_text(NFTA_EXPR_NAME, name);
  data_at = netlink_nest(NFTA_EXPR_DATA);
}

static void end_expression(void) {
  netlink_nested(data_at);
  netlink_nested(element_at);
}

static void compare(unsigned operation, const void *value, size_t length) {
  begin_expression("cmp");
  put_number(NFTA_CMP_SREG, NFT_REG_1);
  put_number(NFTA_CMP_OP, operation);
  size_t data = netlink_nest(NFTA_CMP_DATA);
  netlink_put(NFTA_DATA_VALUE, value, length);
  netlink_nested(data);
  end_expression();
}

static void load_meta(unsigned key) {
  begin_expression("meta");
  put_number(NFTA_META_DREG, NFT_REG_1);
  put_number(NFTA_META_KEY, key);
  end_expression();
}

// The first letters of an interface's name, or with `whole` all of them.
static void if_interface(unsigned key, unsigned operation, const char *name, bool whole) {
  load_meta(key);
  compare(operation, name, strlen(name) + (whole ? 1 : 0));
}

static void if_ipv4(unsigned operation) {
  unsigned char protocol = NFPROTO_IPV4;
  load_meta(NFT_META_NFPROTO);
  compare(operation, &protocol, sizeof protocol);
}

static void mask(unsigned bits) {
  unsigned nothing = 0;
  begin_expression("bitwise");
  put_number(NFTA_BITWISE_SREG, NFT_REG_1);
  put_number(NFTA_BITWISE_DREG, NFT_REG_1);
  put_number(NFTA_BITWISE_LEN, sizeof bits);
  size_t data = netlink_nest(NFTA_BITWISE_MASK);
  netlink_put(NFTA_DATA_VALUE, &bits, sizeof bits);
  netlink_nested(data);
  data = netlink_nest(NFTA_BITWISE_XOR);
  netlink_put(NFTA_DATA_VALUE, &nothing, sizeof nothing);
  netlink_nested(data);
  end_expression();
}

static void load_address(unsigned offset) {
  begin_expression("payload");
  put_number(NFTA_PAYLOAD_DREG, NFT_REG_1);
  put_number(NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
  put_number(NFTA_PAYLOAD_OFFSET, offset);
  put_number(NFTA_PAYLOAD_LEN, 4);
  end_expression();
}

static void if_address(unsigned offset, unsigned operation, unsigned address, unsigned bits) {
  unsigned value = htonl(address);
  load_address(offset);
  if (bits < 32) mask(htonl(~0u << (32 - bits)));
  compare(operation, &value, sizeof value);
}

static void if_state(unsigned states) {
  unsigned nothing = 0;
  begin_expression("ct");
  put_number(NFTA_CT_DREG, NFT_REG_1);
  put_number(NFTA_CT_KEY, NFT_CT_STATE);
  end_expression();
  mask(states);
  compare(NFT_CMP_NEQ, &nothing, sizeof nothing);
}

static void if_not_unicast(void) {
  unsigned unicast = RTN_UNICAST;
  begin_expression("fib");
  put_number(NFTA_FIB_DREG, NFT_REG_1);
  put_number(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
  put_number(NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
  end_expression();
  compare(NFT_CMP_NEQ, &unicast, sizeof unicast);
}

static void verdict(int code, const char *chain) {
  begin_expression("immediate");
  put_number(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
  size_t data = netlink_nest(NFTA_IMMEDIATE_DATA);
  size_t inner = netlink_nest(NFTA_DATA_VERDICT);
  put_number(NFTA_VERDICT_CODE, (unsigned)code);
  if (chain != NULL) netlink_put_text(NFTA_VERDICT_CHAIN, chain);
  netlink_nested(inner);
  netlink_nested(data);
  end_expression();
  end_rule();
}

// The function is told at once instead of waiting for an answer in vain.
static void refusal(void) {
  unsigned char code = ICMP_ADMINISTRATIVELY_PROHIBITED;
  begin_expression("reject");
  put_number(NFTA_REJECT_TYPE, NFT_REJECT_ICMP_UNREACH);
  netlink_put(NFTA_REJECT_ICMP_CODE, &code, sizeof code);
  end_expression();
  end_rule();
}

static void add_walls(unsigned block) {
  static const struct {
    unsigned address, bits;
  } closed[] = {{0, 8},          {0x7f000000, 8},  {0xa9fe0000, 16}, {0xe0000000, 3},
                {0x646464c8, 32}, {0xc00000c0, 32}, {0xa83f8110, 32}};
  add_chain("walls", NULL, 0, 0);
  begin_rule("walls");
  if_ipv4(NFT_CMP_NEQ);
  verdict(NF_DROP, NULL);
  begin_rule("walls");
  if_address(SOURCE, NFT_CMP_NEQ, block, BLOCK_BITS);
  verdict(NF_DROP, NULL);
  begin_rule("walls");
  if_address(DESTINATION, NFT_CMP_EQ, block, BLOCK_BITS);
  refusal();
  for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++) {
    begin_rule("walls");
    if_address(DESTINATION, NFT_CMP_EQ, closed[i].address, closed[i].bits);
    refusal();
  }
  begin_rule("walls");
  if_not_unicast();
  refusal();
}

static void add_set(void) {
  begin(NFT_MSG_NEWSET, NLM_F_CREATE);
  netlink_put_text(NFTA_SET_TABLE, table);
  netlink_put_text(NFTA_SET_NAME, SET_NAME);
  put_number(NFTA_SET_ID, SET_ID);
  put_number(NFTA_SET_FLAGS, NFT_SET_EVAL);
  put_number(NFTA_SET_KEY_TYPE, KEY_TYPE_ADDRESS);
  put_number(NFTA_SET_KEY_LEN, 4);
  size_t description = netlink_nest(NFTA_SET_DESC);
  put_number(NFTA_SET_DESC_SIZE, BLOCK_SIZE);
  netlink_nested(description);
}

// The host's table of connections is everybody's: one function shall not fill it.
static void bound_connections(const char *own) {
  begin_rule("onward");
  if_interface(NFT_META_IIFNAME, NFT_CMP_EQ, own, false);
  if_state(STATE_NEW);
  load_address(SOURCE);
  begin_expression("dynset");
  netlink_put_text(NFTA_DYNSET_SET_NAME, SET_NAME);
  put_number(NFTA_DYNSET_SET_ID, SET_ID);
  put_number(NFTA_DYNSET_OP, NFT_DYNSET_OP_ADD);
  put_number(NFTA_DYNSET_SREG_KEY, NFT_REG_1);
  size_t limit = netlink_nest(NFTA_DYNSET_EXPR);
  netlink_put_text(NFTA_EXPR_NAME, "connlimit");
  size_t data = netlink_nest(NFTA_EXPR_DATA);
  put_number(NFTA_CONNLIMIT_COUNT, CONNECTIONS_PER_SANDBOX_MAX);
  put_number(NFTA_CONNLIMIT_FLAGS, NFT_CONNLIMIT_F_INV);
  netlink_nested(data);
  netlink_nested(limit);
  end_expression();
  refusal();
}

static void add_onward(const char *own) {
  add_chain("onward", "filter", NF_INET_FORWARD, PRIORITY_FILTER);
  begin_rule("onward");
  if_interface(NFT_META_IIFNAME, NFT_CMP_EQ, own, false);
  verdict(NFT_JUMP, "walls");
  begin_rule("onward");
  if_interface(NFT_META_IIFNAME, NFT_CMP_EQ, own, false);
  if_interface(NFT_META_OIFNAME, NFT_CMP_EQ, LINK_PREFIX, false);
  refusal();
  bound_connections(own);
  begin_rule("onward");
  if_interface(NFT_META_OIFNAME, NFT_CMP_EQ, own, false);
  if_state(STATE_OF_CONNECTION);
  verdict(NF_ACCEPT, NULL);
  begin_rule("onward");
  if_interface(NFT_META_OIFNAME, NFT_CMP_EQ, own, false);
  verdict(NF_DROP, NULL);
}

// EEXIST or EPERM: another server has the block.
int add_table(int netfilter, unsigned block) {
  char own[16];
  snprintf(own, sizeof own, BLOCK_PREFIX_FORMAT, block >> (32 - BLOCK_BITS));
  begin_batch(block);
  begin(NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL);
  netlink_put_text(NFTA_TABLE_NAME, table);
  put_number(NFTA_TABLE_FLAGS, NFT_TABLE_F_OWNER);
  add_set();
  add_walls(block);
  add_chain("arrival", "filter", NF_INET_PRE_ROUTING, PRIORITY_ARRIVAL);
  begin_rule("arrival");
  if_interface(NFT_META_IIFNAME, NFT_CMP_EQ, own, false);
  verdict(NFT_JUMP, "walls");
  add_chain("here", "filter", NF_INET_LOCAL_IN, PRIORITY_FILTER);
  begin_rule("here");
  if_interface(NFT_META_IIFNAME, NFT_CMP_EQ, own, false);
  verdict(NF_DROP, NULL);
  add_onward(own);
  add_chain("departure", "nat", NF_INET_POST_ROUTING, PRIORITY_DEPARTURE);
  begin_rule("departure");
  if_ipv4(NFT_CMP_EQ);
  if_address(SOURCE, NFT_CMP_EQ, block, BLOCK_BITS);
  if_interface(NFT_META_OIFNAME, NFT_CMP_NEQ, LINK_PREFIX, false);
  begin_expression("masq");
  end_expression();
  end_rule();
  add_chain("strangers", "filter", NF_INET_FORWARD, PRIORITY_FILTER);
  return commit(netfilter);
}

int add_stranger_rule(int netfilter, unsigned block, const char *interface) {
  begin_batch(block);
  begin_rule("strangers");
  if_interface(NFT_META_IIFNAME, NFT_CMP_EQ, interface, true);
  if_ipv4(NFT_CMP_EQ);
  if_interface(NFT_META_OIFNAME, NFT_CMP_NEQ, LINK_PREFIX, false);
  verdict(NF_DROP, NULL);
  return commit(netfilter);
}

int clear_stranger_rules(int netfilter, unsigned block) {
  begin_batch(block);
  begin(NFT_MSG_DELRULE, 0);
  netlink_put_text(NFTA_RULE_TABLE, table);
  netlink_put_text(NFTA_RULE_CHAIN, "strangers");
  return commit(netfilter);
}
