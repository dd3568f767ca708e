// Messages to the kernel about links, addresses, routes and rules. The kernel answers before the sending call returns.

#include "network.h"
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH_BYTES_MAX 16384
#define ANSWER_BYTES_MAX 32768
#define ANSWERS_MAX 100000

static char batch[BATCH_BYTES_MAX] __attribute__((aligned(8)));
static size_t used;
static size_t message_at;
static unsigned sequence;
static bool overflow;
static char answer[ANSWER_BYTES_MAX] __attribute__((aligned(8)));

int open_netlink(int protocol, unsigned groups) {
  struct sockaddr_nl self = {.nl_family = AF_NETLINK, .nl_groups = groups};
  int on = 1;
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (fd < 0) return -1;
  // Errors need not repeat the message.
  setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&self, sizeof self) == 0) return fd;
  close(fd);
  return -1;
}

void netlink_start(void) {
  used = 0;
  overflow = false;
}

void netlink_append(const void *data, size_t length) {
  size_t room = NLMSG_ALIGN(length);
  if (used + room > sizeof batch) {
    overflow = true;
    return;
  }
  memset(batch + used, 0, room);
  memcpy(batch + used, data, length);
  used += room;
  ((struct nlmsghdr *)(batch + message_at))->nlmsg_len = (unsigned)(used - message_at);
}

void netlink_message(unsigned type, unsigned flags, const void *header, size_t length) {
  struct nlmsghdr head = {.nlmsg_type = (unsigned short)type,
                          .nlmsg_flags = (unsigned short)(NLM_F_REQUEST | flags),
                          .nlmsg_seq = ++sequence};
  if (used + NLMSG_SPACE(length) > sizeof batch) {
    overflow = true;
    return;
  }
  message_at = used;
  memcpy(batch + used, &head, sizeof head);
  used += sizeof head;
  netlink_append(header, length);
}

void netlink_put(unsigned type, const void *data, size_t length) {
  struct nlattr head = {.nla_len = (unsigned short)(NLA_HDRLEN + length), .nla_type = (unsigned short)type};
  netlink_append(&head, sizeof head);
  netlink_append(data, length);
}

void netlink_put_u32(unsigned type, unsigned value) { netlink_put(type, &value, sizeof value); }

void netlink_put_text(unsigned type, const char *text) { netlink_put(type, text, strlen(text) + 1); }

// What follows, up to netlink_nested(), is inside of this attribute.
size_t netlink_nest(unsigned type) {
  size_t at = used;
  netlink_put(type | NLA_F_NESTED, NULL, 0);
  return at;
}

void netlink_nested(size_t at) {
  if (!overflow) ((struct nlattr *)(batch + at))->nla_len = (unsigned short)(used - at);
}

static int send_batch(int fd) {
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  if (overflow) {
    errno = E2BIG;
    return -1;
  }
  return sendto(fd, batch, used, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0 ? -1 : 0;
}

int netlink_exchange(int fd) {
  int error = 0, answers = 0;
  if (send_batch(fd) < 0) return -1;
  for (;;) {
    ssize_t count = recv(fd, answer, sizeof answer, MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    size_t left = (size_t)count;
    for (struct nlmsghdr *message = (struct nlmsghdr *)answer; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_type != NLMSG_ERROR) continue;
      const struct nlmsgerr *result = NLMSG_DATA(message);
      answers++;
      if (error == 0) error = -result->error;
    }
  }
  if (answers == 0) error = EPROTO;
  errno = error;
  return error == 0 ? 0 : -1;
}

// Sends the one request of the batch and reads all that is listed for it.
int netlink_dump(int fd, netlink_reader *reader, void *context) {
  if (send_batch(fd) < 0) return -1;
  for (int round = 0; round < ANSWERS_MAX; round++) {
    ssize_t count = recv(fd, answer, sizeof answer, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return -1;
    size_t left = (size_t)count;
    for (struct nlmsghdr *message = (struct nlmsghdr *)answer; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_type == NLMSG_DONE) return 0;
      if (message->nlmsg_type == NLMSG_ERROR) {
        errno = -((const struct nlmsgerr *)NLMSG_DATA(message))->error;
        return -1;
      }
      reader(message, context);
    }
  }
  errno = E2BIG;
  return -1;
}

// The attribute of a type among those that fill `length` bytes, or NULL.
const struct nlattr *netlink_attribute(const void *first, size_t length, unsigned type) {
  const char *at = first;
  while (length >= NLA_HDRLEN) {
    const struct nlattr *attribute = (const struct nlattr *)at;
    if (attribute->nla_len < NLA_HDRLEN || attribute->nla_len > length) return NULL;
    if ((attribute->nla_type & NLA_TYPE_MASK) == type) return attribute;
    size_t step = NLA_ALIGN(attribute->nla_len);
    if (step > length) return NULL;
    at += step;
    length -= step;
  }
  return NULL;
}
