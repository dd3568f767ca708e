/**
 * The framed form of the Runtime API: what lambdad and its own bootstraps speak once a connection has left HTTP. Three
 * numbers of four bytes, big endian (kind, bytes of the fields, bytes of the body), the fields, one a line, and the body.
 */

'use strict';

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
const fieldsBytesMax = 256 * 1024;
const bodyBytesMax = 64 * 1024 * 1024;
const nothing = Buffer.alloc(0);
/** Smaller results go into a buffer of their own. */
const keptBytesMin = 64 * 1024;
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
    if (this.#body.length < bodyBytes) this.#body = Buffer.allocUnsafeSlow(bodyBytes);
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
    // A long string with nothing escaped in it need not be parsed: it stands between its quotes.
    if (end >= keptBytesMin && body[0] === quote && body[end] === quote && isPlain(body, 1, end))
      this.#receive(this.#kind, this.#fields, body.utf8Slice(1, end), true);
    else this.#receive(this.#kind, this.#fields, body.utf8Slice(0, end + 1), false);
  }
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
  let at = start;
  for (; at < end && (at & 3) !== 0; at += 1) if (isEscaped(data[at])) return false;
  const words = new Int32Array(data.buffer, 0, end >> 2);
  // Of each byte of a word the high bit is left where it is one of them: below 0x21 once quotes and spaces have changed
  // places, or zero once backslashes have become that.
  for (let index = at >> 2; index < words.length; index += 1) {
    const swapped = words[index] ^ 0x02020202;
    const slashed = words[index] ^ 0x5c5c5c5c;
    if (((((swapped - 0x21212121) & ~swapped) | ((slashed - 0x01010101) & ~slashed)) & 0x80808080) !== 0) return false;
  }
  for (at = Math.max(at, words.length * 4); at < end; at += 1) if (isEscaped(data[at])) return false;
  return true;
}

function isEscaped(byte) {
  return byte < 0x20 || byte === quote || byte === backslash;
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
