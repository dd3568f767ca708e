// A socket inside for the datagrams that a function sends to its X-Ray daemon: the server reads them, nobody here does.

#include "launcher.h"
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

// In the form in which Node passes sockets of datagrams over an 'ipc' channel: the receiver sees a message
// {"datagrams":PORT} and a dgram.Socket that is bound already.
void hand_over_datagrams(const struct setup *setup) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)setup->datagram_port)};
  socklen_t length = sizeof address;
  char line[128];
  if (setup->datagram_port < 0) return;
  address.sin_addr.s_addr = htonl(setup->listen_address);
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
      getsockname(fd, (struct sockaddr *)&address, &length) < 0) {
    fail("listen", "take datagrams at port %ld of the loopback interface", setup->datagram_port);
  }
  int count = snprintf(line, sizeof line,
                       "{\"cmd\":\"NODE_HANDLE\",\"type\":\"dgram.Socket\",\"dgramType\":\"udp4\","
                       "\"msg\":{\"datagrams\":%d}}\n",
                       ntohs(address.sin_port));
  send_all(line, (size_t)count, fd);
  close(fd);
}
