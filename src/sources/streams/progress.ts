/** A record that was read: in hand until it is delivered, dropped by a filter, or given up. */
export interface Entry {
  readonly id: string;
  isDone: boolean;
}

/** Entries behind the front are moved up when there are this many of them. */
const COMPACT_ENTRIES = 1024;

/** How far a shard is done, where lanes finish out of order: up to the first record that is not. */
export class Progress {
  #entries: Entry[] = [];
  #front = 0;
  #lastId: string | undefined;

  /** Records from the first unfinished one on, finished ones among them. */
  get span(): number {
    return this.#entries.length - this.#front;
  }

  /** The last record before the first unfinished one; undefined when nothing was finished yet. */
  get lastId(): string | undefined {
    return this.#lastId;
  }

  add(id: string, isDone: boolean): Entry {
    const entry = { id, isDone };
    this.#entries.push(entry);
    return entry;
  }

  /** Moves on over what is done by now; true when that was anything. */
  advance(): boolean {
    const before = this.#lastId;
    for (let next = this.#entries[this.#front]; next?.isDone; next = this.#entries[this.#front]) {
      this.#lastId = next.id;
      this.#front++;
    }
    if (this.#front > COMPACT_ENTRIES) {
      this.#entries = this.#entries.slice(this.#front);
      this.#front = 0;
    }
    return this.#lastId !== before;
  }
}
