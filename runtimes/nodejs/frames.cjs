/**
 * The framed form of the Runtime API: what lambdad and its own bootstraps speak once a connection has left HTTP. Three
 * numbers of four bytes, big endian (kind, bytes of the fields, bytes of the body), the fields, one a line, and the body.
 */

'use strict';

const { isAscii } = require('buffer');

const protocol = 'lambdad-frames';
/** To the platform. */
const resultKinds = { response: 1, error: 2, lastError: 3 };
/** From the platform. */
const eventKind = 1;
const answerKind = 2;
const nextRefusedKind = 3;

const headBytes = 12;
const quote = 0x22;
const backslash = 0x5c;
const space = 0x20;
const spaces = 0x20202020;
const highBits = 0x80808080;
const fieldsBytesMax = 256 * 1024;
const bodyBytesMax = 64 * 1024 * 1024;
const nothing = Buffer.alloc(0);
/** Smaller results go into a buffer of their own. */
const keptBytesMin = 64 * 1024;
/**
 * Node keeps strings of more bytes outside V8's heap, in memory that the next one finds mapped. Within it the pages of each are
 * mapped and unmapped again, which costs more than all else that is done for a large event.
 */
const outsideBytesMin = 1032 * 1024;
/** From here on to copy that much costs less than those pages. */
const outsideFromBytes = 512 * 1024;
/** UTF-8 takes no more for a unit of a string. */
const utf8BytesMax = 3;

class FrameReader {
  #receive;
  #refuse;
  #pending = nothing;
  #kind = 0;
  #fields = '';
  /** Kept for the next large event: pages that are there already cost nothing. */
  #body = nothing;
  #bodyBytes = 0;
  #missingBytes = -1;

  /**
   * @param {(kind: number, fields: string, body: string, isString?: boolean) => void} receive called with each whole
   *   frame; the body is that of a JSON string, without its quotes, when it says so
   * @param {(reason: string) => void} refuse called when the bytes are no frame
   */
  constructor(receive, refuse) {
    this.#receive = receive;
    this.#refuse = refuse;
  }

  /** Where the next bytes are best read to, if not to a buffer of the caller's: behind what is there of a large body. */
  get target() {
    if (this.#missingBytes < keptBytesMin) return undefined;
    return this.#body.subarray(this.#bodyBytes - this.#missingBytes, this.#bodyBytes);
  }

  /** So many bytes have been read to the target. */
  filled(byteCount) {
    this.#missingBytes -= byteCount;
    if (this.#missingBytes === 0) this._finishBody();
    return true;
  }

  /** Takes the bytes from `start` to `end`. Returns whether the connection can be read on. */
  read(given, start, end) {
    let data = given;
    let at = start;
    let until = end;
    if (this.#pending.length > 0) {
      data = Buffer.concat([this.#pending, given.subarray(start, end)]);
      at = 0;
      until = data.length;
      this.#pending = nothing;
    }
    while (at < until) {
      if (this.#missingBytes >= 0) {
        at = this._readBody(data, at, until);
        continue;
      }
      const after = this._readFrame(data, at, until);
      if (after === undefined) return false;
      if (after < 0) {
        this.#pending = Buffer.from(data.subarray(at, until));
        return true;
      }
      at = after;
    }
    return true;
  }

  /** Returns the index behind what it took, -1 when it needs more bytes, undefined when they are no frame. */
  _readFrame(data, start, end) {
    if (end - start < headBytes) return -1;
    const kind = data.readUInt32BE(start);
    const fieldsBytes = data.readUInt32BE(start + 4);
    const bodyBytes = data.readUInt32BE(start + 8);
    if (kind < eventKind || kind > nextRefusedKind || fieldsBytes > fieldsBytesMax || bodyBytes > bodyBytesMax) {
      this.#refuse('something came that is not a frame');
      return undefined;
    }
    const bodyFrom = start + headBytes + fieldsBytes;
    if (end < bodyFrom) return -1;
    const fields = data.latin1Slice(start + headBytes, bodyFrom);
    const after = bodyFrom + bodyBytes;
    if (end >= after) {
      this.#receive(kind, fields, data.utf8Slice(bodyFrom, after));
      return after;
    }
    this.#kind = kind;
    this.#fields = fields;
    if (this.#body.length < bodyBytes)
      this.#body = Buffer.allocUnsafeSlow(
        bodyBytes < outsideFromBytes ? bodyBytes : Math.max(bodyBytes, outsideBytesMin + 1),
      );
    this.#bodyBytes = bodyBytes;
    this.#missingBytes = bodyBytes;
    return bodyFrom;
  }

  _readBody(data, start, end) {
    const take = Math.min(this.#missingBytes, end - start);
    data.copy(this.#body, this.#bodyBytes - this.#missingBytes, start, start + take);
    this.#missingBytes -= take;
    if (this.#missingBytes === 0) this._finishBody();
    return start + take;
  }

  _finishBody() {
    this.#missingBytes = -1;
    const body = this.#body;
    const end = this.#bodyBytes - 1;
    // A long string with nothing escaped in it need not be parsed: it stands between its quotes. What comes is JSON, as
    // lambdad has made sure: what begins with a quote and ends with one is a string, and within it only a backslash means
    // anything.
    const isString = end >= keptBytesMin && body[0] === quote && body[end] === quote && !holds(body, 1, end, backslash);
    this.#receive(this.#kind, this.#fields, isString ? longText(body, 1, end) : longText(body, 0, end + 1), isString);
  }
}

function holds(data, start, end, byte) {
  return data.subarray(start, end).includes(byte);
}

/** The text of these bytes. What is behind them is copied too where that is cheaper, and belongs to no text. */
function longText(data, start, end) {
  const isOutside =
    end - start >= outsideFromBytes && end - start < outsideBytesMin && data.length >= start + outsideBytesMin;
  if (!isOutside || isAscii === undefined || !isAscii(data.subarray(start, end))) return data.utf8Slice(start, end);
  return data.latin1Slice(start, start + outsideBytesMin).slice(0, end - start);
}

/** The headers that an event would have had over HTTP. */
function headersOf(fields) {
  const [id, deadlineMs, arn, traceId, , tenantId, clientContext] = fields.split('\n');
  return {
    'lambda-runtime-aws-request-id': id,
    'lambda-runtime-deadline-ms': deadlineMs,
    'lambda-runtime-invoked-function-arn': arn,
    'lambda-runtime-trace-id': traceId,
    'lambda-runtime-aws-tenant-id': tenantId || undefined,
    'lambda-runtime-client-context': clientContext || undefined,
    'lambda-runtime-cognito-identity': undefined,
  };
}

/** An answer of HTTP that came as the body of a frame. */
function answerOf(body) {
  const bodyFrom = body.indexOf('\r\n\r\n');
  return { status: Number(body.slice(9, 12)), body: body.slice(bodyFrom + 4) };
}

/** One frame; `fields` are ASCII. */
function frameOf(kind, fields, body) {
  const bodyBytes = Buffer.byteLength(body);
  const bodyFrom = headBytes + fields.length;
  const frame = Buffer.allocUnsafe(bodyFrom + bodyBytes);
  writeHead(frame, kind, fields, bodyBytes);
  if (bodyBytes === body.length) frame.latin1Write(body, bodyFrom);
  else frame.utf8Write(body, bodyFrom);
  return frame;
}

function writeHead(frame, kind, fields, bodyBytes) {
  frame.writeUInt32BE(kind, 0);
  frame.writeUInt32BE(fields.length, 4);
  frame.writeUInt32BE(bodyBytes, 8);
  frame.latin1Write(fields, headBytes);
}

/** Makes frames; the buffer of a large one is used for the next, if the last one has been sent by then. */
class FrameMaker {
  #kept = nothing;

  frame(kind, fields, body, isSent) {
    if (body.length < keptBytesMin) return frameOf(kind, fields, body);
    const bodyFrom = headBytes + fields.length;
    const room = this._room(bodyFrom + utf8BytesMax * body.length, isSent);
    const bodyBytes = room.utf8Write(body, bodyFrom);
    writeHead(room, kind, fields, bodyBytes);
    return room.subarray(0, bodyFrom + bodyBytes);
  }

  /**
   * The frame of a long string as JSON, without the text of it between, which costs more than all else that is done for
   * it. Undefined when the string is short, or has something in it that JSON escapes.
   */
  stringFrame(kind, fields, value, isSent) {
    if (value.length < keptBytesMin || value.isWellFormed === undefined || !value.isWellFormed()) return undefined;
    const bodyFrom = headBytes + fields.length;
    const room = this._room(bodyFrom + utf8BytesMax * value.length + 2, isSent);
    const valueBytes = room.utf8Write(value, bodyFrom + 1);
    const bodyTo = bodyFrom + valueBytes + 2;
    if (!isPlain(room, bodyFrom + 1, bodyTo - 1)) return undefined;
    room[bodyFrom] = quote;
    room[bodyTo - 1] = quote;
    writeHead(room, kind, fields, valueBytes + 2);
    return room.subarray(0, bodyTo);
  }

  _room(roomBytes, isSent) {
    const isFree = isSent && this.#kept.length >= roomBytes;
    // Most of it is never touched, and so takes no memory.
    if (!isFree) this.#kept = Buffer.allocUnsafeSlow(roomBytes);
    return this.#kept;
  }
}

/** Whether none of these bytes is a quote, a backslash or a control character. `data` is a whole buffer. */
function isPlain(data, start, end) {
  return !holds(data, start, end, quote) && !holds(data, start, end, backslash) && !holdsControls(data, start, end);
}

/** For a control character there is no search as for one byte. Eight words are looked at together. */
function holdsControls(data, start, end) {
  let at = start;
  for (; at < end && (at & 3) !== 0; at += 1) if (data[at] < space) return true;
  const words = new Int32Array(data.buffer, 0, end >> 2);
  let index = at >> 2;
  for (; index + 8 <= words.length; index += 8) {
    const marks =
      mark(words[index]) |
      mark(words[index + 1]) |
      mark(words[index + 2]) |
      mark(words[index + 3]) |
      mark(words[index + 4]) |
      mark(words[index + 5]) |
      mark(words[index + 6]) |
      mark(words[index + 7]);
    if ((marks & highBits) !== 0) return true;
  }
  for (at = Math.max(at, index * 4); at < end; at += 1) if (data[at] < space) return true;
  return false;
}

/** The high bit of a byte is set where it is below a space; another borrows only above such a byte. */
function mark(word) {
  return (word - spaces) & ~word;
}

module.exports = {
  FrameMaker,
  FrameReader,
  answerKind,
  answerOf,
  eventKind,
  frameOf,
  headersOf,
  protocol,
  resultKinds,
};
