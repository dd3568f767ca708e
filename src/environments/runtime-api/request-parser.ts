import { Gathering } from './gathering.ts';
import {
  type Fields,
  type Head,
  MalformedRequest,
  NO_FIELDS,
  parseFields,
  parseHead,
  type RequestHead,
} from './request-head.ts';

export { type Fields, MalformedRequest, NO_FIELDS, type RequestHead } from './request-head.ts';

/**
 * HTTP/1.1 requests as the Runtime API needs them: small heads, bodies with a length or in chunks, pipelining.
 *
 * The other side is a stranger's process, so what is not plainly correct is refused: a bare line feed, a folded header,
 * a length given twice or beside chunks, an oversized head. A body beyond the limit is read away without being kept, so
 * that the connection can be answered (413) and used again. A body that somebody takes piece by piece is not kept at all,
 * and has no limit here.
 */

const HEAD_BYTES_MAX = 1_114_112;
const BODY_BYTES_FIRST = 4096;
const CHUNK_LINE_BYTES_MAX = 1024;
const CRLF2 = Buffer.from('\r\n\r\n');
const EMPTY = Buffer.alloc(0);

export interface ApiRequest extends RequestHead {
  readonly body: Buffer;
  /** The body went over the limit and was thrown away. */
  readonly tooLarge: boolean;
  /** Trailers of a chunked body, names in lower case. */
  readonly trailers: Fields;
}

/** What a result says, whichever way it came. */
export type Result = Pick<ApiRequest, 'headers' | 'body' | 'tooLarge' | 'trailers'>;

/** Takes a body as it comes; the piece is part of what was read and stays as it is. */
export type BodyTaker = (piece: Buffer) => void;

/** What a parser tells. Requests come in order, each once. */
export interface RequestListener {
  /**
   * A head came without the whole of its body: its request follows, or the connection breaks before. Who gives a taker
   * gets the body through it, and a request with an empty one.
   */
  begun(head: RequestHead): BodyTaker | undefined;
  request(request: ApiRequest): void;
}

type Step = 'head' | 'sized' | 'chunkLine' | 'chunkData' | 'chunkEnd' | 'trailers';

/** Feeds on bytes, hands out requests in order. Throws MalformedRequest: then the connection is to be closed. */
export class RequestParser {
  readonly #listener: RequestListener;
  readonly #bodyBytesMax: number;
  #step: Step = 'head';
  readonly #gathering = new Gathering();
  /** So many of the bytes that wait are known not to hold the end that is looked for. */
  #searched = 0;
  #head: Head | undefined;
  #body: Buffer = EMPTY;
  #kept = 0;
  #left = 0;
  #tooLarge = false;
  #taker: BodyTaker | undefined;
  #isStopped = false;

  constructor(bodyBytesMax: number, listener: RequestListener) {
    this.#bodyBytesMax = bodyBytesMax;
    this.#listener = listener;
  }

  /** The request whose body is on its way; undefined between requests. */
  get unfinished(): RequestHead | undefined {
    return this.#head;
  }

  /** Gives what came behind the request at which it was stopped. */
  feed(chunk: Buffer): Buffer | undefined {
    let data = this.#gathering.join(chunk);
    while (data.length > 0 && !this.#isStopped) {
      const used = this.#take(data);
      if (used === 0) {
        if (data.length > HEAD_BYTES_MAX) throw new MalformedRequest('head too large');
        this.#gathering.keep(data);
        this.#searched = data.length;
        return undefined;
      }
      this.#searched = 0;
      data = data.subarray(used);
    }
    return this.#isStopped ? data : undefined;
  }

  /** From the request on that is being handed out nothing is parsed any more. */
  stop(): void {
    this.#isStopped = true;
  }

  hasStopped(): boolean {
    return this.#isStopped;
  }

  /** Takes what it can from the front of `data`; 0 when it needs more to go on. */
  #take(data: Buffer): number {
    switch (this.#step) {
      case 'head':
        return this.#takeHead(data);
      case 'sized':
      case 'chunkData':
        return this.#takeBody(data);
      case 'chunkLine':
        return this.#takeChunkLine(data);
      case 'chunkEnd':
        if (data.length < 2) return 0;
        if (data[0] !== 13 || data[1] !== 10) throw new MalformedRequest('malformed chunk');
        this.#step = 'chunkLine';
        return 2;
      case 'trailers':
        return this.#takeTrailers(data);
    }
  }

  #takeHead(data: Buffer): number {
    const end = this.#endIn(data);
    if (end < 0) return 0;
    if (end > HEAD_BYTES_MAX) throw new MalformedRequest('head too large');
    this.#head = parseHead(data.toString('latin1', 0, end));
    this.#body = EMPTY;
    this.#kept = 0;
    this.#left = this.#head.bodyBytes;
    this.#tooLarge = this.#left > this.#bodyBytesMax;
    if (this.#head.chunked) this.#step = 'chunkLine';
    else if (this.#left > 0) this.#step = 'sized';
    else this.#finish(NO_FIELDS);
    const isWhole = this.#step === 'head' || (this.#step === 'sized' && data.length - end - 4 >= this.#left);
    if (!isWhole) this.#taker = this.#listener.begun(this.#head as Head);
    return end + 4;
  }

  /** Where the fields end, or -1. */
  #endIn(data: Buffer): number {
    return data.indexOf(CRLF2, Math.max(0, this.#searched - CRLF2.length + 1));
  }

  #takeBody(data: Buffer): number {
    const used = Math.min(this.#left, data.length);
    if (this.#taker) this.#taker(data.subarray(0, used));
    else this.#collect(data.subarray(0, used));
    this.#left -= used;
    if (this.#left > 0) return used;
    if (this.#step === 'chunkData') this.#step = 'chunkEnd';
    else this.#finish(NO_FIELDS);
    return used;
  }

  #collect(piece: Buffer): void {
    const used = piece.length;
    if (this.#kept + used > this.#bodyBytesMax) this.#tooLarge = true;
    if (this.#tooLarge) this.#body = EMPTY;
    else this.#keep(piece);
    this.#kept += used;
  }

  /**
   * A body that comes in one piece is kept as it is. One in several is copied together: a list of pieces would let a body
   * of one-byte chunks hold a thousand times its size.
   */
  #keep(piece: Buffer): void {
    if (this.#kept === 0 && this.#step === 'sized' && piece.length === this.#left) {
      this.#body = piece;
      return;
    }
    const neededBytes = this.#kept + piece.length;
    if (neededBytes > this.#body.length) {
      const roomBytes = Math.max(
        neededBytes,
        this.#body.length * 2,
        this.#step === 'sized' ? this.#left : BODY_BYTES_FIRST,
      );
      const grown = Buffer.allocUnsafeSlow(Math.min(this.#bodyBytesMax, roomBytes));
      this.#body.copy(grown, 0, 0, this.#kept);
      this.#body = grown;
    }
    piece.copy(this.#body, this.#kept);
  }

  #takeChunkLine(data: Buffer): number {
    const end = data.indexOf('\r\n');
    if (end < 0) {
      if (data.length > CHUNK_LINE_BYTES_MAX) throw new MalformedRequest('malformed chunk');
      return 0;
    }
    const size = /^([0-9a-fA-F]{1,12})(;[\t\x20-\x7e]*)?$/.exec(
      data.toString('latin1', 0, Math.min(end, CHUNK_LINE_BYTES_MAX)),
    );
    if (!size) throw new MalformedRequest('malformed chunk');
    this.#left = Number.parseInt(size[1] as string, 16);
    this.#step = this.#left === 0 ? 'trailers' : 'chunkData';
    return end + 2;
  }

  #takeTrailers(data: Buffer): number {
    if (data.length >= 2 && data[0] === 13 && data[1] === 10) {
      this.#finish(NO_FIELDS);
      return 2;
    }
    const end = this.#endIn(data);
    if (end < 0) return 0;
    this.#finish(parseFields(data.toString('latin1', 0, end), 0));
    return end + 4;
  }

  #finish(trailers: Fields): void {
    const { method, path, headers } = this.#head as Head;
    const body = this.#body.length === this.#kept ? this.#body : this.#body.subarray(0, this.#kept);
    const tooLarge = this.#tooLarge && this.#taker === undefined;
    this.#head = undefined;
    this.#body = EMPTY;
    this.#taker = undefined;
    this.#step = 'head';
    this.#listener.request({ method, path, headers, body: tooLarge ? EMPTY : body, tooLarge, trailers });
  }
}
