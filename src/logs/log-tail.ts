/** How much of an invoke's log X-Amz-Log-Result carries. */
export const TAIL_BYTES = 4096;

/** The end of a log, a few kilobytes of it, however long the log is. */
export class LogTail {
  #parts: Buffer[] = [];
  #bytes = 0;

  push(text: string): void {
    const part = Buffer.from(text);
    this.#parts.push(part);
    this.#bytes += part.length;
    // What can no longer be seen is let go, but not part by part: that would move the array for every line.
    if (this.#bytes > 4 * TAIL_BYTES || this.#parts.length > TAIL_BYTES) this.#drop();
  }

  /** Takes over what another tail holds, as if it had been pushed here. */
  pushAll(other: LogTail): void {
    for (const part of other.#parts) {
      this.#parts.push(part);
      this.#bytes += part.length;
    }
    this.#drop();
  }

  /**
   * The last TAIL_BYTES bytes, byte by byte. With `wholeRecords` no record is cut at its beginning, unless the last one
   * alone is too long.
   */
  bytes(wholeRecords: boolean): Buffer {
    this.#drop();
    const [first] = this.#parts;
    const isCut = wholeRecords && first && this.#parts.length > 1 && this.#bytes > TAIL_BYTES;
    return Buffer.concat(isCut ? this.#parts.slice(1) : this.#parts).subarray(-TAIL_BYTES);
  }

  #drop(): void {
    let from = 0;
    for (const part of this.#parts) {
      if (this.#bytes - part.length < TAIL_BYTES) break;
      this.#bytes -= part.length;
      from += 1;
    }
    if (from > 0) this.#parts = this.#parts.slice(from);
    const [only] = this.#parts;
    // A copy, so that a long line is not held for the sake of its end.
    if (this.#parts.length === 1 && only && only.length > TAIL_BYTES) {
      this.#parts = [Buffer.from(only.subarray(-TAIL_BYTES))];
      this.#bytes = TAIL_BYTES;
    }
  }
}
