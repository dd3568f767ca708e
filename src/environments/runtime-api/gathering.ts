const EMPTY = Buffer.alloc(0);
const FIRST_BYTES = 1024;

/**
 * The beginning of something that is not whole yet, while more of it comes. Each piece is copied behind it once: who sends
 * byte by byte costs no more than who sends all at once.
 */
export class Gathering {
  #room: Buffer = EMPTY;
  #bytes = 0;

  /** What was kept with the piece behind it; the piece itself when nothing was. Nothing is kept any more. */
  join(piece: Buffer): Buffer {
    const kept = this.#bytes;
    if (kept === 0) {
      this.#room = EMPTY;
      return piece;
    }
    const bytes = kept + piece.length;
    if (bytes > this.#room.length) {
      const room = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, bytes, 2 * kept));
      this.#room.copy(room, 0, 0, kept);
      this.#room = room;
    }
    piece.copy(this.#room, kept);
    this.#bytes = 0;
    return this.#room.subarray(0, bytes);
  }

  /** Keeps what join gave, or its last part. */
  keep(data: Buffer): void {
    this.#bytes = data.length;
    // A part of it was used, and may still be: what follows is not written over it.
    const isAll = data.buffer === this.#room.buffer && data.byteOffset === this.#room.byteOffset;
    if (!isAll) this.#room = data;
  }
}
