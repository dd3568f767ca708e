/**
 * How much of each account's concurrency is spoken for, in memory: what `concurrencyTaken` sums up from the store, kept
 * up to date by what is committed, for invokes, which cannot wait for a sum.
 */
import type { Change, MetadataStore, RecordKey, RecordKind, StoredRecord } from '../store/metadata.ts';
import type { ProvisionedBody } from './provisioned-concurrency.ts';
import type { FunctionBody } from './records.ts';

/** Concurrency that functions without a reservation cannot use, by `account/region`; 0 where nothing is known. */
export interface TakenConcurrency {
  of(place: string): number;
}

const KINDS: readonly RecordKind[] = ['function', 'provisioned-concurrency'];
const SCAN_PAGE_RECORDS = 200;

/**
 * Wraps a store that nobody else writes to, so that what it commits is seen here; reads every function once. The store
 * that comes back is the one to write to; it offers what the given one, an object of plain functions, offers.
 */
export async function watchConcurrency<Store extends MetadataStore>(
  store: Store,
): Promise<{ readonly metadata: Store; readonly taken: TakenConcurrency }> {
  const places = new Map<string, Place>();
  const placeOf = ({ account, region }: RecordKey): Place => {
    const name = `${account}/${region}`;
    const place = places.get(name) ?? new Place();
    places.set(name, place);
    return place;
  };
  for (const kind of KINDS) {
    let after: RecordKey | undefined;
    for (;;) {
      const page: readonly StoredRecord[] = await store.scan(kind, after, SCAN_PAGE_RECORDS);
      for (const record of page) {
        after = { account: record.account, region: record.region, kind, id: record.id };
        placeOf(after).apply({ type: 'put', key: after, body: record.body });
      }
      if (page.length < SCAN_PAGE_RECORDS) break;
    }
  }
  const metadata: Store = {
    ...store,
    async commit(changes: readonly Change[]) {
      const revisions = await store.commit(changes);
      for (const change of changes) if (KINDS.includes(change.key.kind)) placeOf(change.key).apply(change);
      return revisions;
    },
  };
  return { metadata, taken: { of: (place) => places.get(place)?.sum ?? 0 } };
}

/** One account's region. Only functions with a reservation or provisioned concurrency take room here. */
class Place {
  readonly #reserved = new Map<string, number>();
  /** By function, then by id of the configuration. */
  readonly #provisioned = new Map<string, Map<string, number>>();
  sum = 0;

  apply(change: Change): void {
    const { id, kind } = change.key;
    const name = kind === 'function' ? id : id.slice(0, id.indexOf(':'));
    const before = this.#takenBy(name);
    if (kind === 'function') {
      const reserved = change.type === 'put' ? (change.body as FunctionBody).reservedConcurrency : undefined;
      if (reserved === undefined) this.#reserved.delete(name);
      else this.#reserved.set(name, reserved);
    } else if (change.type === 'deletePrefix') this.#provisioned.delete(name);
    else this.#provision(name, id, change.type === 'put' ? (change.body as ProvisionedBody).requested : undefined);
    this.sum += this.#takenBy(name) - before;
  }

  #provision(name: string, id: string, requested: number | undefined): void {
    const configurations = this.#provisioned.get(name) ?? new Map<string, number>();
    if (requested === undefined) configurations.delete(id);
    else configurations.set(id, requested);
    if (configurations.size === 0) this.#provisioned.delete(name);
    else this.#provisioned.set(name, configurations);
  }

  /** Within a reservation provisioned concurrency takes nothing more. */
  #takenBy(name: string): number {
    const reserved = this.#reserved.get(name);
    if (reserved !== undefined) return reserved;
    let sum = 0;
    for (const requested of this.#provisioned.get(name)?.values() ?? []) sum += requested;
    return sum;
  }
}
