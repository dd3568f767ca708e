import type { RecordKey, StoredRecord } from './metadata.ts';

interface Entry {
  readonly text: string;
  record: StoredRecord;
  characters: number;
  newer: Entry | undefined;
  older: Entry | undefined;
}

/**
 * Records by key, at most `recordsMax` and of `charactersMax` characters together, as set() is told them; the one used
 * longest ago goes first. It can drop all records of a prefix, which
 * looks at every entry: that happens when something is deleted, not when it is invoked.
 *
 * The order of use is a chain through the entries. A Map that forgets and takes up a key again with each use keeps that
 * order too, but has to be rebuilt ever so often: with 5,000 entries that came to 13 µs a use, against half of one.
 */
export class RecordCache {
  readonly #entries = new Map<string, Entry>();
  readonly #recordsMax: number;
  readonly #charactersMax: number;
  #characters = 0;
  #newest: Entry | undefined;
  #oldest: Entry | undefined;

  constructor(recordsMax: number, charactersMax = Number.POSITIVE_INFINITY) {
    this.#recordsMax = recordsMax;
    this.#charactersMax = charactersMax;
  }

  get isFull(): boolean {
    return this.#entries.size >= this.#recordsMax || this.#characters >= this.#charactersMax;
  }

  get(key: RecordKey): StoredRecord | undefined {
    const entry = this.#entries.get(textOf(key));
    if (entry === undefined) return undefined;
    this.#use(entry);
    return entry.record;
  }

  has(key: RecordKey): boolean {
    return this.#entries.has(textOf(key));
  }

  set(record: StoredRecord, characters = 0): void {
    const text = textOf(record);
    const held = this.#entries.get(text);
    if (held) this.#drop(held);
    const entry: Entry = { text, record, characters, newer: undefined, older: undefined };
    this.#entries.set(text, entry);
    this.#characters += characters;
    this.#append(entry);
    while (this.#oldest && (this.#entries.size > this.#recordsMax || this.#characters > this.#charactersMax))
      this.#drop(this.#oldest);
  }

  delete(key: RecordKey): void {
    const entry = this.#entries.get(textOf(key));
    if (entry) this.#drop(entry);
  }

  deletePrefix(key: RecordKey): void {
    const prefix = textOf(key);
    for (const entry of this.#entries.values()) if (entry.text.startsWith(prefix)) this.#drop(entry);
  }

  clear(): void {
    this.#entries.clear();
    this.#characters = 0;
    this.#newest = undefined;
    this.#oldest = undefined;
  }

  #use(entry: Entry): void {
    if (entry === this.#newest) return;
    this.#unlink(entry);
    this.#append(entry);
  }

  #drop(entry: Entry): void {
    this.#entries.delete(entry.text);
    this.#characters -= entry.characters;
    this.#unlink(entry);
  }

  #append(entry: Entry): void {
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest) this.#newest.newer = entry;
    this.#newest = entry;
    this.#oldest ??= entry;
  }

  #unlink(entry: Entry): void {
    if (entry.newer) entry.newer.older = entry.older;
    else this.#newest = entry.older;
    if (entry.older) entry.older.newer = entry.newer;
    else this.#oldest = entry.newer;
  }
}

/** The id stands last, so that the text of a key with part of an id is a prefix; NUL occurs in none of the parts. */
function textOf({ kind, account, region, id }: RecordKey): string {
  return `${kind}\0${account}\0${region}\0${id}`;
}
