import { letGo } from '../base/let-go.ts';

/** Events as the lines of their file: a JSON array [timestamp, ingestionTime, sequence, message] each. */

export interface StoredEvent {
  readonly timestamp: number;
  readonly ingestionTime: number;
  /** Greater for later events of any stream. */
  readonly sequence: number;
  readonly message: string;
}

export type NewEvent = Pick<StoredEvent, 'timestamp' | 'message'>;

/** One write takes no more than about this. */
const FULL_BYTES = 256 * 1024;
const FIRST_BYTES = 1024;
const NEWLINE = 0x0a;

/**
 * Events that wait to be written, as the bytes that are going to be: as objects, thousands of them would be moved by the
 * collector each time that it runs, which costs more than making their lines.
 */
export class EventLines {
  #data = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #bytes = 0;
  #events = 0;
  #firstAt = Number.POSITIVE_INFINITY;
  #lastAt = 0;

  /** `sequence` is the first one's; those of the others follow it. Returns the bytes of their lines. */
  add(events: readonly NewEvent[], ingestionTime: number, sequence: number): number {
    let text = '';
    let next = sequence;
    for (const { timestamp, message } of events) {
      text += `[${timestamp},${ingestionTime},${next},${JSON.stringify(message)}]\n`;
      next++;
      if (timestamp < this.#firstAt) this.#firstAt = timestamp;
      if (timestamp > this.#lastAt) this.#lastAt = timestamp;
    }
    this.#makeRoom(Buffer.byteLength(text));
    const bytes = this.#data.write(text, this.#bytes);
    this.#bytes += bytes;
    this.#events += events.length;
    return bytes;
  }

  /** They have been written: their memory is given back. */
  letGo(): void {
    letGo(this.#data);
  }

  get data(): Buffer {
    return this.#data.subarray(0, this.#bytes);
  }

  /** How many events. */
  get count(): number {
    return this.#events;
  }

  get firstAt(): number {
    return this.#firstAt;
  }

  get lastAt(): number {
    return this.#lastAt;
  }

  get isFull(): boolean {
    return this.#bytes >= FULL_BYTES;
  }

  #makeRoom(more: number): void {
    const { length } = this.#data;
    const bytes = this.#bytes + more;
    if (bytes <= length) return;
    const data = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * length));
    this.#data.copy(data, 0, 0, this.#bytes);
    letGo(this.#data);
    this.#data = data;
  }
}

/** A line that is no event, as a torn one, is passed over. `at` and `bytes` are the event's line. */
export function readLines(data: Buffer, take: (event: StoredEvent, at: number, bytes: number) => void): void {
  for (let at = 0; at < data.length; ) {
    const newline = data.indexOf(NEWLINE, at);
    const end = newline < 0 ? data.length : newline + 1;
    const event = parseEvent(data.toString('utf8', at, end));
    if (event) take(event, at, end - at);
    at = end;
  }
}

function parseEvent(line: string): StoredEvent | undefined {
  try {
    const [timestamp, ingestionTime, sequence, message] = JSON.parse(line) as unknown[];
    if (typeof timestamp !== 'number' || typeof ingestionTime !== 'number') return undefined;
    if (typeof sequence !== 'number' || typeof message !== 'string') return undefined;
    return { timestamp, ingestionTime, sequence, message };
  } catch {
    return undefined;
  }
}
