import type { Change, MetadataStore } from '../../store/metadata.ts';
import type { Namespace } from '../../store/namespace.ts';
import type { MappingSettings } from '../mapping-record.ts';
import type { ReadPosition, SourcePartition } from '../source-port.ts';
import {
  beginningKey,
  type Kept,
  readBeginning,
  readShards,
  type ShardCheckpoint,
  type StreamBeginning,
  shardKey,
} from './checkpoint.ts';

/** Discoveries in which a shard must be absent before it is forgotten: one list may be incomplete. */
const ABSENCES_MAX = 3;
/** Shards that are noted in one commit. */
const COMMIT_SHARDS_MAX = 500;

type Start = Pick<MappingSettings, 'StartingPosition' | 'startingPositionMs'>;

/** The checkpoints of one mapping. Its only writer while the mapping is at work. */
export class ShardBook {
  readonly #metadata: MetadataStore;
  readonly #namespace: Namespace;
  readonly #uuid: string;
  readonly #start: Start;
  #beginning: Kept<StreamBeginning> | undefined;
  #shards: Map<string, Kept<ShardCheckpoint>>;
  readonly #absences = new Map<string, number>();

  private constructor(
    metadata: MetadataStore,
    namespace: Namespace,
    uuid: string,
    start: Start,
    shards: Map<string, Kept<ShardCheckpoint>>,
  ) {
    this.#metadata = metadata;
    this.#namespace = namespace;
    this.#uuid = uuid;
    this.#start = start;
    this.#shards = shards;
  }

  static async open(metadata: MetadataStore, namespace: Namespace, uuid: string, start: Start): Promise<ShardBook> {
    const book = new ShardBook(metadata, namespace, uuid, start, await readShards(metadata, namespace, uuid));
    book.#beginning = await readBeginning(metadata, namespace, uuid);
    return book;
  }

  checkpoint(shardId: string): ShardCheckpoint | undefined {
    return this.#shards.get(shardId)?.body;
  }

  /**
   * Notes the shards that are new, and forgets those that have been gone for a while and that nobody reads. The record of the
   * mapping changes with them, so that nothing is noted for a mapping that was deleted. Throws RevisionConflict.
   */
  async admit(listed: readonly SourcePartition[], isRead: (shardId: string) => boolean, now: number): Promise<void> {
    const fresh = listed.map(({ id }) => id).filter((id) => !this.#shards.has(id));
    const gone = this.#gone(new Set(listed.map(({ id }) => id))).filter((id) => !isRead(id));
    if (this.#beginning !== undefined && fresh.length === 0 && gone.length === 0) return;
    const { StartingPosition } = this.#start;
    const beginning: StreamBeginning = this.#beginning?.body ?? {
      startedMs: now,
      ...(StartingPosition === 'LATEST' ? { firstIds: fresh } : {}),
    };
    // The record of the mapping comes with the first of them: what a crash leaves out is noted by the next discovery.
    for (let at = 0; at === 0 || at < Math.max(fresh.length, gone.length); at += COMMIT_SHARDS_MAX)
      await this.#note(beginning, fresh.slice(at, at + COMMIT_SHARDS_MAX), gone.slice(at, at + COMMIT_SHARDS_MAX));
  }

  async #note(beginning: StreamBeginning, fresh: readonly string[], gone: readonly string[]): Promise<void> {
    const bodies = fresh.map((id): ShardCheckpoint => ({ position: this.#startOf(beginning, id) }));
    const changes: Change[] = [
      {
        type: 'put',
        key: beginningKey(this.#namespace, this.#uuid),
        body: beginning,
        expect: this.#beginning?.revision ?? 0,
      },
      ...fresh.map((id, at): Change => ({ type: 'put', key: this.#key(id), body: bodies[at], expect: 0 })),
      ...gone.map((id): Change => ({ type: 'delete', key: this.#key(id) })),
    ];
    const [revision = 0, ...revisions] = await this.#metadata.commit(changes);
    this.#beginning = { revision, body: beginning };
    fresh.forEach((id, at) => {
      this.#shards.set(id, { revision: revisions[at] as number, body: bodies[at] as ShardCheckpoint });
    });
    for (const id of gone) this.#shards.delete(id);
  }

  /** Throws RevisionConflict when the mapping was deleted, or somebody else wrote. One write of a shard at a time. */
  async write(shardId: string, body: ShardCheckpoint): Promise<void> {
    const expect = this.#shards.get(shardId)?.revision ?? 0;
    const [revision = 0] = await this.#metadata.commit([{ type: 'put', key: this.#key(shardId), body, expect }]);
    this.#shards.set(shardId, { revision, body });
  }

  /** Whose turn it is: neither finished nor behind a parent that is not. */
  ready(listed: readonly SourcePartition[], isRead: (shardId: string) => boolean): readonly SourcePartition[] {
    const present = new Set(listed.map(({ id }) => id));
    const isOver = (id: string) => !isRead(id) && (!present.has(id) || this.checkpoint(id)?.isFinished === true);
    return listed.filter(
      ({ id, parentIds }) => !isRead(id) && this.checkpoint(id)?.isFinished !== true && parentIds.every(isOver),
    );
  }

  #gone(present: ReadonlySet<string>): string[] {
    const gone: string[] = [];
    for (const id of this.#shards.keys()) {
      const absences = present.has(id) ? 0 : (this.#absences.get(id) ?? 0) + 1;
      if (absences === 0) this.#absences.delete(id);
      else this.#absences.set(id, absences);
      if (absences >= ABSENCES_MAX) gone.push(id);
    }
    return gone;
  }

  /** LATEST is a moment, so that a new start finds it again, whatever came between. */
  #startOf({ startedMs, firstIds = [] }: StreamBeginning, shardId: string): ReadPosition {
    const { StartingPosition, startingPositionMs = 0 } = this.#start;
    if (StartingPosition === 'AT_TIMESTAMP') return { type: 'AT_TIMESTAMP', ms: startingPositionMs };
    if (StartingPosition === 'LATEST' && firstIds.includes(shardId)) return { type: 'AT_TIMESTAMP', ms: startedMs };
    return { type: 'TRIM_HORIZON' };
  }

  #key(shardId: string) {
    return shardKey(this.#namespace, this.#uuid, shardId);
  }
}
