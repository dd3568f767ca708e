/**
 * The framed log descriptor on which the bootstraps write records that may hold newlines: 4 bytes type, 4 bytes length,
 * 8 bytes microseconds since the epoch, all big-endian, then the message. As Amazon's runtime interface clients write it
 * behind _LAMBDA_TELEMETRY_LOG_FD.
 */
import type { LogLevel } from './log-level.ts';
import { characterEnd, EVENT_BYTES_MAX } from './log-lines.ts';

export interface FrameHead {
  readonly json: boolean;
  /** Absent when the type carries no level. */
  readonly level?: LogLevel;
  /** Epoch milliseconds as the writer claims them. */
  readonly timeMs: number;
}

/** One event's worth of a frame: longer messages come in several pieces. */
export interface FramePiece {
  readonly head: FrameHead;
  readonly message: string;
  readonly bytes: number;
  readonly first: boolean;
  readonly last: boolean;
}

const HEAD_BYTES = 16;
const TYPE_TEXT = 0xa55a0003;
const TYPE_JSON = 0xa55a0002;
/** How every type begins. */
const MAGIC = Buffer.from([0xa5, 0x5a, 0x00]);
const LEVEL_MASK = 0x1c;
const LEVELS: readonly (LogLevel | undefined)[] = [undefined, 'TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];
/** Honest writers write no garbage: after this much of it the descriptor is not looked at any more. */
const GARBAGE_BYTES_MAX = 1024 * 1024;
/** No honest message is longer; a head that claims more is taken for garbage. Nothing near this is ever held. */
const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Reads frames from chunks cut anywhere. Bytes that are no frame are skipped up to the next head that could be one; a
 * message is given out in pieces as it comes, so that a frame of any claimed length holds at most one event of memory.
 */
export class LogFrames {
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #headBytes = 0;
  #current: FrameHead | undefined;
  #messageLeft = 0;
  #firstPiece = true;
  #piece: Buffer = Buffer.alloc(0);
  #pieceBytes = 0;
  #skippedBytes = 0;
  #garbageBytes = 0;
  #wantsMore = true;

  /** Bytes that belonged to no frame since the last call. */
  takeSkippedBytes(): number {
    const skipped = this.#skippedBytes;
    this.#skippedBytes = 0;
    return skipped;
  }

  /**
   * When `emit` returns false the rest of the chunk is passed over without a look; reading goes on at the next frame found.
   */
  push(chunk: Uint8Array, emit: (piece: FramePiece) => boolean): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    this.#wantsMore = true;
    while (at < bytes.length) {
      if (!this.#wantsMore || this.#garbageBytes > GARBAGE_BYTES_MAX) {
        this.#abandon(bytes.length - at);
        return;
      }
      at = this.#current ? this.#takeMessage(bytes, at, emit) : this.#takeHead(bytes, at, emit);
    }
  }

  /** Gives out what came of an unfinished frame and forgets the rest: its writer is gone. */
  end(emit: (piece: FramePiece) => boolean): void {
    this.#skippedBytes += this.#headBytes;
    this.#headBytes = 0;
    this.#garbageBytes = 0;
    if (this.#current) this.#finish(emit);
  }

  #abandon(restBytes: number): void {
    this.#skippedBytes += this.#headBytes + this.#pieceBytes + restBytes;
    this.#headBytes = 0;
    this.#pieceBytes = 0;
    this.#messageLeft = 0;
    this.#current = undefined;
  }

  #takeHead(bytes: Buffer, start: number, emit: (piece: FramePiece) => boolean): number {
    if (this.#headBytes > 0 && this.#headBytes < MAGIC.length && bytes[start] !== MAGIC[this.#headBytes]) {
      // The beginning of a type that the last chunk ended in was none.
      this.#skip(this.#headBytes);
      this.#headBytes = 0;
    }
    const from = this.#headBytes === 0 ? magicAt(bytes, start) : start;
    this.#skip(from - start);
    const end = Math.min(bytes.length, from + HEAD_BYTES - this.#headBytes);
    this.#headBytes += bytes.copy(this.#head, this.#headBytes, from, end);
    if (this.#headBytes < HEAD_BYTES) return end;
    const head = readHead(this.#head);
    if (!head) {
      this.#resynchronise();
      return end;
    }
    this.#headBytes = 0;
    this.#current = head;
    this.#messageLeft = this.#head.readUInt32BE(4);
    this.#firstPiece = true;
    if (this.#messageLeft === 0) this.#finish(emit);
    return end;
  }

  /** Drops what is no head, up to the next bytes that could begin one. */
  #resynchronise(): void {
    const dropped = magicAt(this.#head, 1);
    this.#head.copy(this.#head, 0, dropped);
    this.#headBytes = HEAD_BYTES - dropped;
    this.#skip(dropped);
  }

  #skip(bytes: number): void {
    this.#skippedBytes += bytes;
    this.#garbageBytes += bytes;
  }

  #takeMessage(bytes: Buffer, start: number, emit: (piece: FramePiece) => boolean): number {
    const room = EVENT_BYTES_MAX - this.#pieceBytes;
    const end = Math.min(bytes.length, start + Math.min(this.#messageLeft, room));
    this.#keep(bytes.subarray(start, end));
    this.#messageLeft -= end - start;
    if (this.#messageLeft === 0) this.#finish(emit);
    else if (this.#pieceBytes === EVENT_BYTES_MAX) this.#emitPiece(emit, characterEnd(this.#piece, EVENT_BYTES_MAX));
    return end;
  }

  #keep(part: Buffer): void {
    const needed = this.#pieceBytes + part.length;
    if (needed > this.#piece.length) {
      const grown = Buffer.alloc(Math.min(EVENT_BYTES_MAX, Math.max(needed, this.#piece.length * 2)));
      this.#piece.copy(grown, 0, 0, this.#pieceBytes);
      this.#piece = grown;
    }
    part.copy(this.#piece, this.#pieceBytes);
    this.#pieceBytes = needed;
  }

  #finish(emit: (piece: FramePiece) => boolean): void {
    this.#messageLeft = 0;
    this.#emitPiece(emit, this.#pieceBytes);
    this.#current = undefined;
    this.#piece = Buffer.alloc(0);
  }

  #emitPiece(emit: (piece: FramePiece) => boolean, end: number): void {
    const head = this.#current;
    if (!head) return;
    const message = this.#piece.toString('utf8', 0, end);
    const piece = { head, message, bytes: end, first: this.#firstPiece, last: this.#messageLeft === 0 };
    this.#piece.copy(this.#piece, 0, end, this.#pieceBytes);
    this.#pieceBytes -= end;
    this.#firstPiece = false;
    this.#wantsMore = emit(piece);
  }
}

/** Where the next type could begin, the end of `bytes` included: a type may be cut there. */
function magicAt(bytes: Buffer, from: number): number {
  const whole = bytes.indexOf(MAGIC, from);
  if (whole >= 0) return whole;
  for (let at = Math.max(from, bytes.length - MAGIC.length + 1); at < bytes.length; at += 1) {
    if (MAGIC.indexOf(bytes.subarray(at)) === 0) return at;
  }
  return bytes.length;
}

function readHead(head: Buffer): FrameHead | undefined {
  const type = head.readUInt32BE(0);
  const base = (type & ~LEVEL_MASK) >>> 0;
  const level = LEVELS[(type & LEVEL_MASK) >>> 2];
  if (base !== TYPE_TEXT && base !== TYPE_JSON) return undefined;
  if (!level && (type & LEVEL_MASK) !== 0) return undefined;
  if (head.readUInt32BE(4) > MESSAGE_BYTES_MAX) return undefined;
  const timeMs = Number(head.readBigUInt64BE(8) / 1000n);
  return { json: base === TYPE_JSON, timeMs, ...(level && { level }) };
}
