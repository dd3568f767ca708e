import { createHash, type Hash } from 'node:crypto';
import { ApiError } from '../model/api-error.ts';
import { chunkStringToSign, sameSignature, sign } from './signature.ts';
import type { ChunkChain } from './sigv4.ts';

/** `<hex size>;chunk-signature=<64 hex>`: longer lines are no chunk heads. */
const HEAD_BYTES_MAX = 200;
const HEAD = /^([0-9a-fA-F]{1,8});chunk-signature=([0-9a-f]{64})$/;
const NEWLINE = 0x0a;

/**
 * Unpacks a body of `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`: chunks, each with a signature over itself and the signature
 * before it, closed by an empty chunk. Without a chain the signatures are not looked at.
 */
export class ChunkDecoder {
  readonly #chain: ChunkChain | undefined;
  #previous: string;
  #state: 'head' | 'data' | 'end of chunk' | 'done' = 'head';
  #line = '';
  #left = 0;
  #last = false;
  #claimed = '';
  #hash: Hash = createHash('sha256');

  constructor(chain: ChunkChain | undefined) {
    this.#chain = chain;
    this.#previous = chain?.authorization.signature ?? '';
  }

  /** The payload bytes of one piece of the body. Throws ApiError at the first thing that is wrong. */
  take(piece: Buffer): readonly Buffer[] {
    const payload: Buffer[] = [];
    for (let offset = 0; offset < piece.length; ) {
      if (this.#state === 'data') {
        const end = Math.min(piece.length, offset + this.#left);
        const data = piece.subarray(offset, end);
        this.#hash.update(data);
        payload.push(data);
        this.#left -= data.length;
        offset = end;
        if (this.#left === 0) this.#state = 'end of chunk';
      } else offset = this.#takeLine(piece, offset);
    }
    return payload;
  }

  /** Called after the last piece: the closing chunk must have come. */
  finish(): void {
    if (this.#state !== 'done') throw malformed();
  }

  #takeLine(piece: Buffer, offset: number): number {
    if (this.#state === 'done') throw malformed();
    const newline = piece.indexOf(NEWLINE, offset);
    const end = newline < 0 ? piece.length : newline;
    this.#line += piece.toString('latin1', offset, Math.min(end, offset + HEAD_BYTES_MAX + 1));
    if (this.#line.length > HEAD_BYTES_MAX) throw malformed();
    if (newline < 0) return piece.length;
    if (!this.#line.endsWith('\r')) throw malformed();
    const line = this.#line.slice(0, -1);
    this.#line = '';
    if (this.#state === 'head') this.#openChunk(line);
    else this.#closeChunk(line);
    return newline + 1;
  }

  #openChunk(line: string): void {
    const match = HEAD.exec(line);
    if (!match) throw malformed();
    this.#left = Number.parseInt(match[1] ?? '', 16);
    this.#claimed = match[2] ?? '';
    this.#last = this.#left === 0;
    this.#state = this.#last ? 'end of chunk' : 'data';
  }

  #closeChunk(line: string): void {
    if (line !== '') throw malformed();
    const digest = this.#hash.digest('hex');
    this.#hash = createHash('sha256');
    if (this.#chain) {
      const { key, timestamp, authorization } = this.#chain;
      const text = chunkStringToSign(timestamp, authorization, this.#previous, digest);
      if (!sameSignature(sign(key, text), this.#claimed))
        throw new ApiError('InvalidSignatureException', 'The signature of a chunk of the body does not match.');
    }
    this.#previous = this.#claimed;
    this.#state = this.#last ? 'done' : 'head';
  }
}

function malformed(): ApiError {
  return new ApiError('InvalidSignatureException', 'The body is not well-formed in signed chunks.');
}
