"""The Runtime API (2018-06-01) over one raw connection.

Requests are written as bytes and answers read by a small strict parser: http.client would cost several times the
handler it serves, and `socket` several milliseconds of start. A result and the request for the next event leave in one
write; answers come back in the order of the requests (HTTP/1.1 pipelining).

The first request for an event offers to go on in frames, which lambdad takes up: three numbers of four bytes, big
endian (kind, bytes of the fields, bytes of the body), the fields, one a line, and the body. On any other platform all
of it is HTTP.
"""

import _socket
import os
import stat
import sys

READ_BYTES = 64 * 1024
HEAD_BYTES_MAX = 256 * 1024
BODY_BYTES_MAX = 64 * 1024 * 1024
LINE_BYTES_MAX = 64 * 1024
JOINED_BODY_BYTES_MAX = 64 * 1024
REFUSAL_BYTES_MAX = 1024
ACCEPTED = 202
TOO_LARGE = 413

SWITCHING = 101

FRAMES_OFFER = b"Connection: Upgrade\r\nUpgrade: lambdad-frames\r\n\r\n"
FRAME_HEAD_BYTES = 12
RESPONSE_FRAME = 1
ERROR_FRAME = 2
EVENT_FRAME = 1
EVENT_HEAD = EVENT_FRAME.to_bytes(4, "big")
ANSWER_FRAME = 2
NEXT_REFUSED_FRAME = 3
EVENT_FIELDS = (
    b"lambda-runtime-aws-request-id",
    b"lambda-runtime-deadline-ms",
    b"lambda-runtime-invoked-function-arn",
    b"lambda-runtime-trace-id",
    b"content-type",
    b"lambda-runtime-aws-tenant-id",
    b"lambda-runtime-client-context",
)

INVOCATION_PATH = b"/2018-06-01/runtime/invocation/"
INIT_ERROR_PATH = b"/2018-06-01/runtime/init/error"


# Where lambdad's sandboxes have a connection to the Runtime API that stands; on any other platform nothing is there.
CHANNEL_DESCRIPTOR = 4


class RuntimeApiLost(Exception):
    """The connection ended, or the other side does not speak the protocol."""


class Client:
    def __init__(self, address):
        """Connects to `address` (host:port), or takes the connection that stands. Raises RuntimeApiLost."""
        host, _, port = address.rpartition(":")
        self._peer = (host.strip("[]"), int(port))
        self._family = _socket.AF_INET6 if ":" in host else _socket.AF_INET
        self._host_line = b"Host: " + address.encode("ascii") + b"\r\n"
        self._next_request = b"GET " + INVOCATION_PATH + b"next HTTP/1.1\r\n" + self._host_line + b"\r\n"
        self._next_is_asked = False
        self._is_framed = False
        self._open(_channel())

    def next(self):
        """Waits without limit for an event. Returns (headers by lower-case bytes name, body bytes)."""
        if self._is_framed:
            return self._next_frame()
        if not self._next_is_asked:
            self._send(self._next_request[:-2] + FRAMES_OFFER)
        self._next_is_asked = False
        status, headers, body = self._read_answer()
        if status == SWITCHING:
            self._is_framed = True
            return self._next_frame()
        if status != 200:
            raise RuntimeApiLost("the request for the next event was answered with status %d" % status)
        return headers, body

    def respond(self, invocation_id, body, content_type):
        """Posts a result and asks for the next event. A refusal is told on standard error, and not raised."""
        if self._is_framed:
            self._send_frame(RESPONSE_FRAME, invocation_id, body)
            return
        self._post(_result_path(invocation_id, b"response"), b"Content-Type: " + content_type, body, self._next_request)

    def fail(self, invocation_id, failure):
        """Posts an error {type, body, cause}, all bytes, and asks for the next event."""
        if self._is_framed:
            fields = b"\n".join((invocation_id, failure["type"], failure["cause"]))
            self._send_frame(ERROR_FRAME, fields, failure["body"])
            return
        self._post(
            _result_path(invocation_id, b"error"), _failure_headers(failure), failure["body"], self._next_request
        )

    def fail_init(self, failure):
        self._post(INIT_ERROR_PATH, _failure_headers(failure), failure["body"], b"")

    def _open(self, channel=None):
        self._rest = b""
        self._socket = channel
        if channel is not None:
            return
        try:
            self._socket = _socket.socket(self._family, _socket.SOCK_STREAM)
            self._socket.connect(self._peer)
            self._socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        except OSError as error:
            raise RuntimeApiLost(str(error))

    def _post(self, path, headers, body, tail):
        head = b"POST %b HTTP/1.1\r\n%b%b\r\nContent-Length: %d\r\n\r\n" % (path, self._host_line, headers, len(body))
        if len(body) <= JOINED_BODY_BYTES_MAX:
            self._send(head + body + tail)
        else:
            self._send(head, body, tail)
        self._next_is_asked = tail != b""
        status, _, answer = self._read_answer()
        _report_refusal(status, answer)

    def _send_frame(self, kind, fields, body):
        head = kind.to_bytes(4, "big") + len(fields).to_bytes(4, "big") + len(body).to_bytes(4, "big") + fields
        if len(body) <= JOINED_BODY_BYTES_MAX:
            self._send(head + body)
        else:
            self._send(head, body)

    def _next_frame(self):
        while True:
            if not self._rest:
                self._rest = self._read_more()
            data = self._rest
            # Nearly always one read has brought the whole event, and nothing behind it.
            if len(data) > FRAME_HEAD_BYTES and data.startswith(EVENT_HEAD):
                body_from = FRAME_HEAD_BYTES + int.from_bytes(data[4:8], "big")
                if len(data) == body_from + int.from_bytes(data[8:12], "big"):
                    self._rest = b""
                    return _event_headers(data[FRAME_HEAD_BYTES:body_from]), data[body_from:]
            head = self._read_exactly(FRAME_HEAD_BYTES)
            kind = int.from_bytes(head[:4], "big")
            fields_bytes = int.from_bytes(head[4:8], "big")
            if not EVENT_FRAME <= kind <= NEXT_REFUSED_FRAME or fields_bytes > HEAD_BYTES_MAX:
                raise RuntimeApiLost("something came that is not a frame")
            fields = self._read_exactly(fields_bytes)
            body = self._read_exactly(int.from_bytes(head[8:], "big"))
            if kind == EVENT_FRAME:
                return _event_headers(fields), body
            status = int(body[9:12])
            if kind == NEXT_REFUSED_FRAME:
                raise RuntimeApiLost("the request for the next event was answered with status %d" % status)
            _report_refusal(status, body.partition(b"\r\n\r\n")[2])

    def _send(self, *parts):
        try:
            if len(parts) == 1:
                self._socket.sendall(parts[0])
                return
            left = [memoryview(part) for part in parts if part]
            while left:
                sent = self._socket.sendmsg(left)
                while left and sent >= len(left[0]):
                    sent -= len(left.pop(0))
                if left:
                    left[0] = left[0][sent:]
        except OSError as error:
            raise RuntimeApiLost(str(error))

    def _read_more(self):
        try:
            data = self._socket.recv(READ_BYTES)
        except OSError as error:
            raise RuntimeApiLost(str(error))
        if not data:
            raise RuntimeApiLost("the connection was closed")
        return data

    def _read_until(self, mark, limit):
        """Returns the bytes up to the mark and steps over it."""
        while True:
            at = self._rest.find(mark)
            if at >= 0:
                found = self._rest[:at]
                self._rest = self._rest[at + len(mark) :]
                return found
            if len(self._rest) > limit:
                raise RuntimeApiLost("an answer came with an overlong head, chunk line or trailer")
            self._rest += self._read_more()

    def _read_exactly(self, count):
        if count > BODY_BYTES_MAX:
            raise RuntimeApiLost("an answer came that is too long")
        if not self._rest:
            self._rest = self._read_more() if count else b""
        if len(self._rest) >= count:
            body = self._rest[:count]
            self._rest = self._rest[count:]
            return body
        body = bytearray(count)
        have = len(self._rest)
        body[:have] = self._rest
        self._rest = b""
        view = memoryview(body)
        try:
            while have < count:
                received = self._socket.recv_into(view[have:])
                if received == 0:
                    raise RuntimeApiLost("the connection was closed")
                have += received
        except OSError as error:
            raise RuntimeApiLost(str(error))
        return bytes(body)

    def _read_answer(self):
        lines = self._read_until(b"\r\n\r\n", HEAD_BYTES_MAX).split(b"\r\n")
        first = lines[0]
        if first[:9] != b"HTTP/1.1 " or not first[9:12].isdigit():
            raise RuntimeApiLost("something came that is not an HTTP/1.1 answer")
        headers = {}
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            if not colon:
                raise RuntimeApiLost("an answer came with a malformed header line")
            headers[name.lower()] = value.strip()
        coding = headers.get(b"transfer-encoding")
        if coding is None:
            length = headers.get(b"content-length", b"0")
            if not length.isdigit() or len(length) > 10:
                raise RuntimeApiLost("an answer came with a malformed length")
            body = self._read_exactly(int(length))
        elif coding.lower() == b"chunked":
            body = self._read_chunks()
        else:
            raise RuntimeApiLost("an answer came in an unknown transfer coding")
        if headers.get(b"connection", b"").lower() == b"close":
            self._reopen()
        return int(first[9:12]), headers, body

    def _read_chunks(self):
        chunks = []
        total = 0
        while True:
            line = self._read_until(b"\r\n", LINE_BYTES_MAX).partition(b";")[0].strip()
            try:
                size = int(line, 16) if line[:1].isalnum() else -1
            except ValueError:
                size = -1
            total += size
            if size < 0 or total > BODY_BYTES_MAX:
                raise RuntimeApiLost("an answer came with a malformed chunk size")
            if size == 0:
                while self._read_until(b"\r\n", LINE_BYTES_MAX):
                    pass
                return b"".join(chunks)
            chunks.append(self._read_exactly(size))
            if self._read_exactly(2) != b"\r\n":
                raise RuntimeApiLost("an answer came with a malformed chunk")

    def _reopen(self):
        """A server may end the connection with an answer, as Go's does after 413; a next behind it is sent again."""
        self._socket.close()
        self._open()
        if self._next_is_asked:
            self._send(self._next_request)


def _event_headers(fields):
    return {name: value for name, value in zip(EVENT_FIELDS, fields.split(b"\n")) if value}


def _report_refusal(status, answer):
    # A 413 is worded for the caller by the platform.
    if status not in (ACCEPTED, TOO_LARGE):
        text = answer[:REFUSAL_BYTES_MAX].decode("utf-8", "replace")
        sys.stderr.write("The result was refused with %d: %s\n" % (status, text))


def _result_path(invocation_id, kind):
    return INVOCATION_PATH + invocation_id + b"/" + kind


def _failure_headers(failure):
    headers = b"Content-Type: application/json\r\nLambda-Runtime-Function-Error-Type: " + failure["type"]
    if failure["cause"]:
        headers += b"\r\nLambda-Runtime-Function-XRay-Error-Cause: " + failure["cause"]
    return headers


def _channel():
    try:
        if not stat.S_ISSOCK(os.fstat(CHANNEL_DESCRIPTOR).st_mode):
            return None
        os.set_inheritable(CHANNEL_DESCRIPTOR, False)
    except OSError:
        return None
    return _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, CHANNEL_DESCRIPTOR)
