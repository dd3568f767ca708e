import { letGo, roomOf } from '../../base/let-go.ts';
import { headerValue } from './event-answer.ts';
import { Gathering } from './gathering.ts';
import type { Invocation } from './invocation.ts';
import { MalformedRequest } from './request-parser.ts';

/**
 * The framed form of the Runtime API, for the bootstraps that lambdad brings along: what `next`, `response` and `error`
 * say over HTTP, without the text of HTTP around it.
 *
 * A bootstrap asks for it with its first `next` (`Upgrade: lambdad-frames`); a server that does not know of it answers
 * the `next`. After the 101 both sides send frames: three numbers of four bytes, big endian (kind, bytes of the fields,
 * bytes of the body), then the fields, lines of printable ASCII without a last line end, then the body. A result asks for
 * the next event too, and is answered only when it is refused. runtimes/README.md has the kinds and their fields.
 *
 * The other side is a stranger's process: whatever is not plainly a frame is a MalformedRequest, a body beyond the limit
 * is read away without being kept, and never more is allocated than was said and is allowed.
 */
export const FRAMES_PROTOCOL = 'lambdad-frames';

export const SWITCHING = Buffer.from(
  `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${FRAMES_PROTOCOL}\r\n\r\n`,
);

/** From a runtime. */
export const RESPONSE = 1;
export const ERROR = 2;
/** As ERROR, of a runtime that ends: it is answered in any case, and asks for nothing. */
export const LAST_ERROR = 3;

/** To a runtime. */
const EVENT = 1;
/** The body is what HTTP would have answered a result with. */
const ANSWER = 2;
/** As ANSWER, of the request for the next event. */
const NEXT_REFUSED = 3;

const HEAD_BYTES = 12;
/** A request id, an error type, and a cause of up to 64 KB. */
const FIELDS_BYTES_MAX = 131_072;
/** Up to here an event is copied into one piece with its head. */
const JOINED_BYTES_MAX = 65_536;
/** Less of a body comes as well by the stream. */
const DIRECT_BYTES_MIN = 65_536;
const EMPTY = Buffer.alloc(0);

export interface ResultHead {
  readonly kind: typeof RESPONSE | typeof ERROR | typeof LAST_ERROR;
  readonly requestId: string;
  /** Of an error. */
  readonly errorType: string | undefined;
  /** Of an error, for X-Ray; one character for each byte. */
  readonly cause: string | undefined;
}

export interface FramesListener {
  /** A result whose body is not there as a whole: it follows, or the connection breaks before. */
  begun(head: ResultHead): void;
  /** `tooLarge`: the body went over the limit and was thrown away. */
  result(head: ResultHead, body: Buffer, tooLarge: boolean): void;
}

/** Feeds on bytes, hands out results in order. Throws MalformedRequest: then the connection is to be closed. */
export class FrameParser {
  readonly #bodyBytesMax: number;
  readonly #listener: FramesListener;
  readonly #gathering = new Gathering();
  #head: ResultHead | undefined;
  #body: Buffer = EMPTY;
  #bodyBytes = 0;
  #taken = 0;
  /** A result handed out is a part of what is being fed. */
  #hasLent = false;

  constructor(bodyBytesMax: number, listener: FramesListener) {
    this.#bodyBytesMax = bodyBytesMax;
    this.#listener = listener;
  }

  /** True within the body of a result. */
  get isWithin(): boolean {
    return this.#head !== undefined;
  }

  /** What is missing of a body, for who can read to it directly; undefined where that is little, or not kept. */
  get target(): Buffer | undefined {
    const missing = this.#bodyBytes - this.#taken;
    const isKept = this.#head !== undefined && this.#body.length === this.#bodyBytes;
    return isKept && missing >= DIRECT_BYTES_MIN ? this.#body.subarray(this.#taken) : undefined;
  }

  /** So many bytes have been read to the target. */
  filled(bytes: number): void {
    this.#taken += bytes;
    this.#endBody();
  }

  /** The chunk is the parser's from here on: what it has copied out of it may be gone. */
  feed(chunk: Buffer): void {
    const all = this.#gathering.join(chunk);
    let data = all;
    this.#hasLent = false;
    while (data.length > 0) {
      const isCopied = this.#head !== undefined;
      const used = this.#head === undefined ? this.#takeHead(data) : this.#takeBody(data);
      if (used === 0) {
        this.#gathering.keep(data);
        return;
      }
      if (used === data.length) {
        if (isCopied && !this.#hasLent) letGo(all);
        return;
      }
      data = data.subarray(used);
    }
  }

  /** A whole frame at once, where it is there; 0 when more has to come. */
  #takeHead(data: Buffer): number {
    if (data.length < HEAD_BYTES) return 0;
    const kind = data.readUInt32BE(0);
    const fieldsBytes = data.readUInt32BE(4);
    if ((kind !== RESPONSE && kind !== ERROR && kind !== LAST_ERROR) || fieldsBytes > FIELDS_BYTES_MAX)
      throw new MalformedRequest('malformed frame');
    const bodyFrom = HEAD_BYTES + fieldsBytes;
    if (data.length < bodyFrom) return 0;
    const head = headOf(kind, data.toString('latin1', HEAD_BYTES, bodyFrom));
    const bodyBytes = data.readUInt32BE(8);
    const end = bodyFrom + bodyBytes;
    if (data.length >= end && bodyBytes <= this.#bodyBytesMax) {
      this.#hasLent = true;
      this.#listener.result(head, data.subarray(bodyFrom, end), false);
      return end;
    }
    this.#head = head;
    this.#bodyBytes = bodyBytes;
    this.#taken = 0;
    this.#listener.begun(head);
    if (bodyBytes <= this.#bodyBytesMax) this.#body = roomOf(bodyBytes);
    return bodyFrom;
  }

  #takeBody(data: Buffer): number {
    const used = Math.min(this.#bodyBytes - this.#taken, data.length);
    const tooLarge = this.#bodyBytes > this.#bodyBytesMax;
    if (!tooLarge) data.copy(this.#body, this.#taken, 0, used);
    this.#taken += used;
    this.#endBody();
    return used;
  }

  #endBody(): void {
    if (this.#taken < this.#bodyBytes) return;
    const head = this.#head as ResultHead;
    const body = this.#body;
    this.#head = undefined;
    this.#body = EMPTY;
    this.#listener.result(head, body, this.#bodyBytes > this.#bodyBytesMax);
  }
}

function headOf(kind: ResultHead['kind'], fields: string): ResultHead {
  if (!fields.includes('\n')) return { kind, requestId: fields, errorType: undefined, cause: undefined };
  const [requestId = '', errorType, cause] = fields.split('\n', 3);
  return { kind, requestId, errorType, cause: cause || undefined };
}

/** The pieces of an invoke's event, to be written together. The last three fields may be missing, or empty. */
export function eventFrame(invocation: Invocation): readonly Uint8Array[] {
  const { payload, contentType, clientContext, tenantId } = invocation;
  let fields = `${invocation.requestId}\n${invocation.deadlineMs}\n${invocation.invokedArn}\n${headerValue(invocation.traceHeader)}`;
  // The rarer ones are nearly never there.
  if (contentType || clientContext || tenantId)
    fields += `\n${headerValue(contentType ?? '')}\n${headerValue(tenantId ?? '')}\n${headerValue(clientContext ?? '')}`;
  const bodyBytes = payload.length;
  const bodyFrom = HEAD_BYTES + fields.length;
  const isJoined = bodyBytes <= JOINED_BYTES_MAX;
  const frame = Buffer.allocUnsafe(isJoined ? bodyFrom + bodyBytes : bodyFrom);
  writeHead(frame, EVENT, fields.length, bodyBytes);
  frame.write(fields, HEAD_BYTES, 'latin1');
  if (!isJoined) return [frame, payload];
  frame.set(payload, bodyFrom);
  return [frame];
}

/** `answer` is a whole answer of HTTP. */
export function answerFrame(answer: Buffer, isOfNext: boolean): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  writeHead(head, isOfNext ? NEXT_REFUSED : ANSWER, 0, answer.length);
  return Buffer.concat([head, answer]);
}

function writeHead(frame: Buffer, kind: number, fieldsBytes: number, bodyBytes: number): void {
  frame.writeUInt32BE(kind, 0);
  frame.writeUInt32BE(fieldsBytes, 4);
  frame.writeUInt32BE(bodyBytes, 8);
}
