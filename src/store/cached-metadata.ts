import {
  type Change,
  type MetadataStore,
  type Page,
  type RecordKey,
  type RecordKind,
  RevisionConflict,
  type StoredRecord,
  StoreFull,
} from './metadata.ts';
import { RecordCache } from './record-cache.ts';

/** A metadata store that remembers what it has seen, for the path that may not wait. */
export interface CachedMetadata extends MetadataStore {
  /** The record as it was last acknowledged, or undefined when it is not remembered: then ask `get`. */
  peek(key: RecordKey): StoredRecord | undefined;
}

/** Texts of all remembered records together: large policies and tags must not fill the memory by their number. */
const CHARACTERS_MAX = 67_108_864;
/** Changes that may settle during one read or commit before its result is no longer remembered. */
const CHANGES_SEEN_MAX = 1000;

/**
 * Wraps a store that nobody else writes to. `get` and `peek` answer from at most `recordsMax` remembered records;
 * a commit goes through to the store and is remembered once it is acknowledged. Listings fill the room that is left.
 *
 * A read that was on its way while a commit of the same record settled may carry the older record, and of two commits
 * on their way together nobody here knows which the store took last. So every read and commit keeps watch over what
 * settles while it runs, and what it brings is remembered only where nothing did.
 *
 * Remembered records are frozen through and through.
 */
export function cachedMetadata(store: MetadataStore, recordsMax: number): CachedMetadata {
  const cache = new RecordCache(recordsMax, CHARACTERS_MAX);
  const remember = (record: StoredRecord) => cache.set(record, freeze(record));
  const watches = new Set<Watch>();

  async function watching<T>(action: (watch: Watch) => Promise<T>): Promise<T> {
    const watch = new Watch();
    watches.add(watch);
    try {
      return await action(watch);
    } finally {
      watches.delete(watch);
    }
  }

  /** From here on no read that began before brings these records back. */
  function settle(changes: readonly Change[]): void {
    for (const watch of watches) watch.see(changes);
    for (const { type, key } of changes) {
      if (type === 'deletePrefix') cache.deletePrefix(key);
      else cache.delete(key);
    }
  }

  async function listing(read: () => Promise<readonly StoredRecord[]>): Promise<readonly StoredRecord[]> {
    return watching(async (watch) => {
      const records = await read();
      for (const record of records) if (!cache.isFull && !cache.has(record) && !watch.saw(record)) remember(record);
      return records;
    });
  }

  return {
    peek: (key) => cache.get(key),
    async get(key) {
      const remembered = cache.get(key);
      if (remembered) return remembered;
      return watching(async (watch) => {
        const record = await store.get(key);
        if (record && !watch.saw(key)) remember(record);
        return record;
      });
    },
    list: (page: Page) => listing(() => store.list(page)),
    scan: (kind: RecordKind, after, limit) => listing(() => store.scan(kind, after, limit)),
    async commit(given) {
      const changes = given.map(copied);
      return watching(async (watch) => {
        try {
          const revisions = await store.commit(changes);
          watches.delete(watch);
          settle(changes);
          for (const record of lastPuts(changes, revisions)) if (!watch.saw(record)) remember(record);
          return revisions;
        } catch (error) {
          if (error instanceof RevisionConflict) cache.delete(error.key);
          // What became of the commit is unknown, so what is remembered may be wrong.
          else if (!(error instanceof StoreFull)) settle(changes);
          throw error;
        }
      });
    },
    async close() {
      await store.close();
      cache.clear();
    },
  };
}

/** The changes that settled while one read or commit was on its way. */
class Watch {
  readonly #seen: Change[] = [];
  #tooMany = false;

  see(changes: readonly Change[]): void {
    if (this.#seen.length + changes.length > CHANGES_SEEN_MAX) this.#tooMany = true;
    else this.#seen.push(...changes);
  }

  saw(key: RecordKey): boolean {
    return this.#tooMany || this.#seen.some((change) => reaches(change, key));
  }
}

function reaches({ type, key: changed }: Change, key: RecordKey): boolean {
  if (changed.kind !== key.kind || changed.account !== key.account || changed.region !== key.region) return false;
  return type === 'deletePrefix' ? key.id.startsWith(changed.id) : key.id === changed.id;
}

/** What the puts of a commit left behind: those that no later change of the same commit replaced or deleted. */
function lastPuts(changes: readonly Change[], revisions: readonly number[]): StoredRecord[] {
  return changes.flatMap((change, at) => {
    if (change.type !== 'put' || changes.slice(at + 1).some((later) => reaches(later, change.key))) return [];
    const { kind, account, region, id } = change.key;
    return [{ kind, account, region, id, revision: revisions[at] as number, body: change.body }];
  });
}

/** A change whose body is ours alone: just what the store will give back, whatever the caller does to it later. */
function copied(change: Change): Change {
  if (change.type !== 'put') return change;
  const text: string | undefined = JSON.stringify(change.body);
  return { ...change, body: text === undefined ? undefined : (JSON.parse(text) as unknown) };
}

/** Freezes a value through and through, and answers how many characters its texts have. */
function freeze(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  Object.freeze(value);
  let characters = 0;
  for (const member of Object.values(value)) characters += freeze(member);
  return characters;
}
