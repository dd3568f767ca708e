// Messages from the server: four bytes of length (little endian), then that many bytes of NUL-terminated strings.

#include "launcher.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

struct frame frame;

// Reads on, never past the end of the present message: what follows belongs to whoever reads next. With MSG_DONTWAIT
// it returns FRAME_PARTIAL when there is no more for now; the following call goes on from there.
enum frame_state receive_frame(int flags) {
  if (frame.received >= sizeof frame.header && frame.received == sizeof frame.header + frame.length) {
    frame.received = 0;
  }
  for (;;) {
    bool in_header = frame.received < sizeof frame.header;
    char *into = in_header ? (char *)frame.header + frame.received : frame.body + frame.received - sizeof frame.header;
    size_t wanted = (in_header ? sizeof frame.header : sizeof frame.header + frame.length) - frame.received;
    ssize_t count = recv(FD_COMMANDS, into, wanted, flags);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno == EAGAIN ? FRAME_PARTIAL : FRAME_END;
    if (count == 0) return frame.received == 0 ? FRAME_END : FRAME_BAD;
    frame.received += (size_t)count;
    if (in_header && frame.received == sizeof frame.header) {
      frame.length = (size_t)frame.header[0] | (size_t)frame.header[1] << 8 | (size_t)frame.header[2] << 16 |
                     (size_t)frame.header[3] << 24;
      if (frame.length == 0 || frame.length > FRAME_BYTES_MAX) return FRAME_BAD;
    }
    if (frame.received > sizeof frame.header && frame.received == sizeof frame.header + frame.length) {
      frame.cursor = 0;
      return frame.body[frame.length - 1] == 0 ? FRAME_READY : FRAME_BAD;
    }
  }
}

// Gives the pages back, which held the environment of a function and would otherwise stay resident in every sandbox.
void release_frame(void) { madvise(&frame, sizeof frame, MADV_DONTNEED); }

// The next string of the message, or NULL at its end.
const char *next_string(void) {
  if (frame.cursor >= frame.length) return NULL;
  const char *string = frame.body + frame.cursor;
  frame.cursor += strlen(string) + 1;
  return string;
}

bool parse_number(const char *text, long lowest, long highest, long *number) {
  if (text == NULL || *text == 0) return false;
  for (const char *at = text; *at != 0; at++) {
    if (*at < '0' || *at > '9') {
      if (at != text || *at != '-' || at[1] == 0) return false;
    }
  }
  errno = 0;
  *number = strtol(text, NULL, 10);
  return errno == 0 && *number >= lowest && *number <= highest;
}
