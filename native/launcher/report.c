// What the launcher tells the server: one JSON object a line, on the descriptor of Node's 'ipc' channel.

#include "launcher.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINE_BYTES_MAX 2048
#define TEXT_BYTES_MAX 512

int report_fd = FD_REPLIES;
const char *report_text_key = "error";

// Sends every byte, the descriptor with the first of them. A server that is gone needs no answer: nothing is reported.
void send_all(const char *bytes, size_t length, int passed_fd) {
  union {
    struct cmsghdr align;
    char space[CMSG_SPACE(sizeof(int))];
  } control;
  size_t sent = 0;
  while (sent < length) {
    struct iovec part = {(char *)bytes + sent, length - sent};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (passed_fd >= 0 && sent == 0) {
      memset(&control, 0, sizeof control);
      message.msg_control = control.space;
      message.msg_controllen = sizeof control.space;
      struct cmsghdr *header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof(int));
      memcpy(CMSG_DATA(header), &passed_fd, sizeof(int));
    }
    ssize_t count = sendmsg(report_fd, &message, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    // The probe reports into a pipe.
    if (count < 0 && errno == ENOTSOCK) count = write(report_fd, bytes + sent, length - sent);
    if (count <= 0) return;
    sent += (size_t)count;
  }
}

void report(const char *format, ...) {
  char line[LINE_BYTES_MAX];
  va_list values;
  va_start(values, format);
  int length = vsnprintf(line, sizeof line - 1, format, values);
  va_end(values);
  if (length < 0 || length >= (int)sizeof line - 1) return;
  line[length] = '\n';
  send_all(line, (size_t)length + 1, -1);
}

// Bytes above 127 pass as they are; control characters become a question mark, but for the ends of lines.
void escape_text(const char *text, char *out, size_t room) {
  size_t used = 0;
  for (; *text != 0 && used + 3 < room; text++) {
    if (*text == '"' || *text == '\\' || *text == '\n') out[used++] = '\\';
    out[used++] = *text == '\n' ? 'n' : (unsigned char)*text < 0x20 ? '?' : *text;
  }
  out[used] = 0;
}

static void report_problem_v(const char *step, int error, const char *format, va_list values) {
  char text[TEXT_BYTES_MAX];
  char whole[TEXT_BYTES_MAX + 128];
  char escaped[2 * sizeof whole];
  vsnprintf(text, sizeof text, format, values);
  if (error == 0) snprintf(whole, sizeof whole, "%s", text);
  else snprintf(whole, sizeof whole, "%s: %s", text, strerror(error));
  escape_text(whole, escaped, sizeof escaped);
  // Standard error is for people; on the probe the answer itself is enough.
  if (report_fd == FD_REPLIES) dprintf(2, "lambdad-sandbox: %s: %s\n", step, whole);
  report("{\"%s\":\"%s\",\"step\":\"%s\",\"errno\":%d}", report_text_key, escaped, step, error);
}

void report_problem(const char *step, int error, const char *format, ...) {
  va_list values;
  va_start(values, format);
  report_problem_v(step, error, format, values);
  va_end(values);
}

void fail(const char *step, const char *format, ...) {
  va_list values;
  va_start(values, format);
  report_problem_v(step, errno, format, values);
  va_end(values);
  _exit(1);
}

void refuse(const char *step, const char *format, ...) {
  va_list values;
  va_start(values, format);
  report_problem_v(step, EINVAL, format, values);
  va_end(values);
  _exit(1);
}
