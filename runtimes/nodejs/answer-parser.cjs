/**
 * Reads the Runtime API's HTTP/1.1 answers from raw bytes: plain answers with a length, or chunked ones. Whatever else
 * arrives is refused, because guessing at a broken stream could hand one invocation's event to another.
 */

'use strict';

const readBufferBytes = 64 * 1024;
const headBytesMax = 256 * 1024;
const bodyBytesMax = 64 * 1024 * 1024;
const chunkLineBytesMax = 256;
const trailerBytesMax = 64 * 1024;

const headEnd = Buffer.from('\r\n\r\n');
const lineEnd = Buffer.from('\r\n');
const nothing = Buffer.alloc(0);
const noParts = [];

class ProtocolError extends Error {}

class AnswerParser {
  #buffer = Buffer.allocUnsafeSlow(readBufferBytes);
  #receive;
  #refuse;
  #readPart = this._readHead;
  #successor;
  #pending = nothing;
  #answer = null;
  #body = nothing;
  #missingBytes = 0;
  #parts = noParts;
  #partsBytes = 0;

  /**
   * @param {(answer: { status: number, headers: Record<string, string>, body: string, close: boolean }) => void} receive
   *   called with each whole answer
   * @param {(reason: string) => void} refuse called when the bytes are no such answer
   */
  constructor(receive, refuse) {
    this.#receive = receive;
    this.#refuse = refuse;
  }

  /** From the answer on that is being received, the bytes go to a reader of another protocol. */
  handOver(successor) {
    this.#successor = successor;
  }

  /** Where the connection reads to next; a socket's `onread` option takes it together with `read`. */
  get target() {
    return (this.#successor !== undefined && this.#successor.target) || this.#buffer;
  }

  /** Takes the first `byteCount` bytes of the target. Returns true, which keeps the socket reading. */
  read(byteCount, target) {
    if (target !== this.#buffer) return this.#successor.filled(byteCount);
    if (this.#successor !== undefined) return this.#successor.read(this.#buffer, 0, byteCount);
    let data = this.#buffer;
    let end = byteCount;
    if (this.#pending.length > 0) {
      data = Buffer.concat([this.#pending, data.subarray(0, byteCount)]);
      end = data.length;
      this.#pending = nothing;
    }
    let start = 0;
    while (start < end) {
      if (this.#successor !== undefined) return this.#successor.read(data, start, end);
      let after;
      try {
        after = this.#readPart(data, start, end);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        this.#refuse(error.message);
        return false;
      }
      if (after < 0) {
        this.#pending = Buffer.from(data.subarray(start, end));
        return true;
      }
      start = after;
    }
    return true;
  }

  // Each reader returns the index behind what it took, or -1 when it needs more bytes.

  _readHead(data, start, end) {
    const at = indexWithin(data, headEnd, start, end, headBytesMax);
    if (at < 0) return -1;
    this.#answer = parseHead(data.utf8Slice(start, at));
    const afterHead = at + headEnd.length;
    const coding = this.#answer.headers['transfer-encoding'];
    if (coding !== undefined) {
      if (coding.toLowerCase() !== 'chunked') throw new ProtocolError('an answer came in an unknown transfer coding');
      this.#parts = [];
      this.#partsBytes = 0;
      this.#readPart = this._readChunkSize;
      return afterHead;
    }
    const bodyBytes = contentLength(this.#answer.headers['content-length']);
    if (end - afterHead >= bodyBytes) {
      this._finish(data.utf8Slice(afterHead, afterHead + bodyBytes));
      return afterHead + bodyBytes;
    }
    this.#body = Buffer.allocUnsafe(bodyBytes);
    this.#missingBytes = bodyBytes;
    this.#readPart = this._readBody;
    return afterHead;
  }

  _readBody(data, start, end) {
    const body = this.#body;
    const take = Math.min(this.#missingBytes, end - start);
    data.copy(body, body.length - this.#missingBytes, start, start + take);
    this.#missingBytes -= take;
    if (this.#missingBytes === 0) {
      this.#body = nothing;
      this._finish(body.utf8Slice(0, body.length));
    }
    return start + take;
  }

  _readChunkSize(data, start, end) {
    const at = indexWithin(data, lineEnd, start, end, chunkLineBytesMax);
    if (at < 0) return -1;
    const size = /^([0-9a-f]{1,8})[ \t]*(?:;.*)?$/i.exec(data.latin1Slice(start, at));
    if (size === null) throw new ProtocolError('an answer came with a malformed chunk size');
    this.#missingBytes = Number.parseInt(size[1], 16);
    this.#partsBytes += this.#missingBytes;
    if (this.#partsBytes > bodyBytesMax) throw new ProtocolError('an answer came that is too long');
    this.#readPart = this.#missingBytes === 0 ? this._readTrailers : this._readChunk;
    return at + lineEnd.length;
  }

  _readChunk(data, start, end) {
    const take = Math.min(this.#missingBytes, end - start);
    this.#parts.push(Buffer.from(data.subarray(start, start + take)));
    this.#missingBytes -= take;
    if (this.#missingBytes === 0) this.#readPart = this._readChunkEnd;
    return start + take;
  }

  _readChunkEnd(data, start, end) {
    if (end - start < lineEnd.length) return -1;
    if (data[start] !== 13 || data[start + 1] !== 10) throw new ProtocolError('an answer came with a malformed chunk');
    this.#readPart = this._readChunkSize;
    return start + lineEnd.length;
  }

  _readTrailers(data, start, end) {
    const at = indexWithin(data, lineEnd, start, end, trailerBytesMax);
    if (at < 0) return -1;
    if (at === start) {
      const body = Buffer.concat(this.#parts, this.#partsBytes).toString();
      this.#parts = noParts;
      this._finish(body);
    }
    return at + lineEnd.length;
  }

  _finish(body) {
    const answer = this.#answer;
    answer.body = body;
    this.#answer = null;
    this.#readPart = this._readHead;
    this.#receive(answer);
  }
}

/** Where `needle` begins between start and end, or -1; bytes behind `end` are left over from earlier reads. */
function indexWithin(data, needle, start, end, bytesMax) {
  const at = data.indexOf(needle, start);
  if (at >= 0 && at + needle.length <= end) return at;
  if (end - start > bytesMax) throw new ProtocolError('an answer came with an overlong head, chunk line or trailer');
  return -1;
}

function parseHead(text) {
  const lines = text.split('\r\n');
  const first = /^HTTP\/1\.1 (101|[2-5]\d\d)(?: |$)/.exec(lines[0]);
  if (first === null) throw new ProtocolError('something came that is not an HTTP/1.1 answer');
  const headers = Object.create(null);
  for (let index = 1; index < lines.length; index += 1) {
    const line = lines[index];
    const colon = line.indexOf(':');
    if (colon < 1) throw new ProtocolError('an answer came with a malformed header line');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { status: Number(first[1]), headers, body: '', close: String(headers.connection).toLowerCase() === 'close' };
}

function contentLength(text) {
  if (text === undefined) return 0;
  if (!/^\d{1,10}$/.test(text)) throw new ProtocolError('an answer came with a malformed length');
  const bytes = Number(text);
  if (bytes > bodyBytesMax) throw new ProtocolError('an answer came that is too long');
  return bytes;
}

module.exports = { AnswerParser };
