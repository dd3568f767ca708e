/** Longest event that CloudWatch Logs takes; longer lines become several events. */
export const EVENT_BYTES_MAX = 262_144;

const NEWLINE = 0x0a;
const PARTIAL_BYTES_FIRST = 1024;

/**
 * Cuts one output stream of a process into lines, each with its newline. A line that is not finished waits for its rest;
 * what exceeds EVENT_BYTES_MAX is cut there, never inside a character.
 */
export class LogLines {
  /** Grows by doubling, so that a process that writes byte by byte costs no more than one that writes lines. */
  #partial = Buffer.alloc(0);
  #bytes = 0;
  /** The line that the last chunk ended in was skipped: so is its rest. */
  #isSkipping = false;

  /**
   * The buffers given to `emit` are only valid during the call. When it returns false the rest of the chunk is passed
   * over without being cut, at little cost; `skipped` is told how much that was.
   */
  push(chunk: Uint8Array, emit: (line: Buffer) => boolean, skipped: (bytes: number, lines: number) => void): void {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this.#isSkipping) {
      const newline = rest.indexOf(NEWLINE);
      const end = newline < 0 ? rest.length : newline + 1;
      this.#isSkipping = newline < 0;
      skipped(end, 0);
      rest = rest.subarray(end);
    }
    let wantsMore = true;
    while (rest.length > 0) {
      if (!wantsMore) {
        this.#isSkipping = rest[rest.length - 1] !== NEWLINE;
        skipped(rest.length, countLines(rest));
        return;
      }
      const newline = rest.indexOf(NEWLINE);
      const end = newline < 0 ? rest.length : newline + 1;
      const part = rest.subarray(0, Math.min(end, EVENT_BYTES_MAX - this.#bytes));
      rest = rest.subarray(part.length);
      const complete = part[part.length - 1] === NEWLINE;
      if (complete && this.#bytes === 0) {
        wantsMore = emit(part);
        continue;
      }
      this.#keep(part);
      if (complete) wantsMore = this.flush(emit);
      else if (this.#bytes === EVENT_BYTES_MAX) wantsMore = this.#split(emit);
    }
  }

  /** Gives out what waits for its newline, as an event of its own. */
  flush(emit: (line: Buffer) => boolean): boolean {
    if (this.#bytes === 0) return true;
    const line = this.#partial.subarray(0, this.#bytes);
    this.#bytes = 0;
    const wantsMore = emit(line);
    if (this.#partial.length > PARTIAL_BYTES_FIRST) this.#partial = Buffer.alloc(0);
    return wantsMore;
  }

  #keep(part: Buffer): void {
    const needed = this.#bytes + part.length;
    if (needed > this.#partial.length) {
      const size = Math.min(EVENT_BYTES_MAX, Math.max(needed, this.#partial.length * 2, PARTIAL_BYTES_FIRST));
      const grown = Buffer.alloc(size);
      this.#partial.copy(grown, 0, 0, this.#bytes);
      this.#partial = grown;
    }
    part.copy(this.#partial, this.#bytes);
    this.#bytes = needed;
  }

  #split(emit: (line: Buffer) => boolean): boolean {
    const end = characterEnd(this.#partial, this.#bytes);
    const wantsMore = emit(this.#partial.subarray(0, end));
    this.#partial.copy(this.#partial, 0, end, this.#bytes);
    this.#bytes -= end;
    return wantsMore;
  }
}

/** Lines that end in these bytes or are cut off by their end. */
function countLines(bytes: Buffer): number {
  let lines = bytes[bytes.length - 1] === NEWLINE ? 0 : 1;
  for (let at = 0; at < bytes.length; at += 1) if (bytes[at] === NEWLINE) lines += 1;
  return lines;
}

/** The last place at or before `end` where no UTF-8 character is cut; `end` itself when the bytes are not UTF-8. */
export function characterEnd(bytes: Uint8Array, end: number): number {
  let lead = end - 1;
  while (lead > end - 4 && lead > 0 && ((bytes[lead] ?? 0) & 0xc0) === 0x80) lead -= 1;
  const first = bytes[lead] ?? 0;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
  return lead + length > end && lead > 0 ? lead : end;
}
