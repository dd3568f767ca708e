// Shared declarations of the network of sandboxes: a link of its own for each, walls around it, and its helpers.

#ifndef LAMBDAD_NETWORK_H
#define LAMBDAD_NETWORK_H

#include "launcher.h"
#include <linux/netlink.h>

// Links of sandboxes are named by their address, so that the first letters of a name say whose it is: all of them
// begin with LINK_PREFIX, and those of one server's block with five hexadecimal digits more.
#define LINK_PREFIX "lmbd"
#define BLOCK_BITS 20
#define BLOCK_PREFIX_FORMAT LINK_PREFIX "%05x"
#define TABLE_PREFIX "lambdad-"

// netlink.c: one batch at a time is put together, sent and answered.
int open_netlink(int protocol, unsigned groups);
void netlink_start(void);
void netlink_message(unsigned type, unsigned flags, const void *header, size_t length);
void netlink_put(unsigned type, const void *data, size_t length);
void netlink_put_u32(unsigned type, unsigned value);
void netlink_put_text(unsigned type, const char *text);
void netlink_append(const void *data, size_t length);
size_t netlink_nest(unsigned type);
void netlink_nested(size_t at);
// 0, or -1 with the first error in errno.
int netlink_exchange(int fd);
typedef void netlink_reader(const struct nlmsghdr *message, void *context);
int netlink_dump(int fd, netlink_reader *reader, void *context);
const struct nlattr *netlink_attribute(const void *first, size_t length, unsigned type);
#define ATTRIBUTE_DATA(attribute) ((const void *)((const char *)(attribute) + NLA_HDRLEN))
#define ATTRIBUTE_LENGTH(attribute) ((size_t)(attribute)->nla_len - NLA_HDRLEN)

// network-link.c: before there is a setup. Consumes the arguments that say which network is wanted.
char **prepare_network(char **arguments);
// Moves the process into the network namespace that was prepared; false when there is none.
bool enter_prepared_network(void);
int wall_off(int netlink, const char *const denied[], int denied_count);
bool parse_address(const char *text, unsigned *address);

// network-helper.c: an ordinary user's way out, by a program that stands between.
void open_helper_channel(const struct setup *setup);
void start_helper(const struct setup *setup, pid_t init);
void invite_helper(const struct setup *setup);
bool wait_for_helper(const struct setup *setup);

// network-rules.c: the table of one server, which the kernel removes with the socket that made it.
int add_table(int netfilter, unsigned block);
int add_stranger_rule(int netfilter, unsigned block, const char *interface);
int clear_stranger_rules(int netfilter, unsigned block);

// network-foreign.c: firewalls of others that would not let functions out.
void report_foreign_walls(int netfilter);

// network-holder.c
int hold_network(char **interfaces);
int probe_network(void);

#endif
