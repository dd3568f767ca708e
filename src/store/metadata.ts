/**
 * The port of the metadata store: records in kinds, each with a revision, changed in atomic commits.
 *
 * A record is one JSON document: a function, a published version, an alias. What belongs together in one change is
 * committed together; concurrent change is compare-and-set on the revision. Both embedded and networked databases can
 * offer this much, and the contract suite (test/contract/metadata.ts) holds each adapter to it.
 */

/** Add a kind here and nowhere else; an adapter treats them all alike. */
export type RecordKind =
  | 'function'
  | 'version'
  | 'alias'
  | 'function-policy'
  | 'event-invoke-config'
  | 'function-url'
  | 'provisioned-concurrency'
  | 'runtime-management'
  | 'version-counter'
  | 'layer'
  | 'layer-version'
  | 'event-source-mapping'
  | 'stream-checkpoint'
  | 'code-signing-config';

export interface RecordKey {
  /** 12-digit account id. */
  readonly account: string;
  readonly region: string;
  readonly kind: RecordKind;
  /** Unique within account, region and kind. Ordered by code unit. At most ID_LENGTH_MAX characters. */
  readonly id: string;
}

export interface StoredRecord<Body = unknown> extends RecordKey {
  /** Counts up from 1 with each change of this record. */
  readonly revision: number;
  /** Plain JSON; treat as frozen. */
  readonly body: Body;
}

export type Change =
  /** `expect`: the revision the writer read, 0 for "does not exist". Left out: whatever is there is replaced. */
  | { readonly type: 'put'; readonly key: RecordKey; readonly body: unknown; readonly expect?: number }
  | { readonly type: 'delete'; readonly key: RecordKey; readonly expect?: number }
  /** Deletes every record of the kind whose id begins with `key.id`. */
  | { readonly type: 'deletePrefix'; readonly key: RecordKey };

export interface Page {
  readonly account: string;
  readonly region: string;
  readonly kind: RecordKind;
  /** Only ids that begin with this. */
  readonly prefix?: string;
  /** Only ids greater than this one. */
  readonly after?: string;
  /** 1 to PAGE_LIMIT_MAX. */
  readonly limit: number;
}

export const ID_LENGTH_MAX = 512;
export const PAGE_LIMIT_MAX = 1000;

/** A commit whose `expect` did not hold; nothing of the commit was done. */
export class RevisionConflict extends Error {
  readonly key: RecordKey;

  constructor(key: RecordKey) {
    super(`revision conflict at ${key.kind} ${key.id}`);
    this.key = key;
  }
}

/** The disk, or the database, has no room left; nothing of the commit was done. */
export class StoreFull extends Error {}

export interface MetadataStore {
  get(key: RecordKey): Promise<StoredRecord | undefined>;
  /** In order of id, by code unit. */
  list(page: Page): Promise<readonly StoredRecord[]>;
  /** Every record of a kind in all accounts and regions, page by page in one stable order; for start-up and clean-up. */
  scan(kind: RecordKind, after: RecordKey | undefined, limit: number): Promise<readonly StoredRecord[]>;
  /** All of it or none; on disk and synced when the promise resolves. Returns the revision of each change (0 when deleted). */
  commit(changes: readonly Change[]): Promise<readonly number[]>;
  close(): Promise<void>;
}
