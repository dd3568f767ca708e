/**
 * What the store keeps of a mapping's way through its stream: kind `stream-checkpoint`. One record for the mapping, with
 * the UUID as its id, says when reading began; one for each shard, `UUID/SHARD`, says how far the function has come.
 *
 * Invariant: one poller reads a shard. One server owns a database, by its lock; in the server one run owns a mapping, and
 * in the run one reader owns a shard. Should the rule ever be broken, no checkpoint is lost: each is written against the
 * revision that its writer knows, and who meets another one stops.
 */
import type { MetadataStore, RecordKey } from '../../store/metadata.ts';
import { type Namespace, walkRecords } from '../../store/namespace.ts';
import type { ReadPosition } from '../source-port.ts';

/** A tumbling window that has begun; times in epoch milliseconds. */
export interface OpenWindow {
  readonly startMs: number;
  readonly endMs: number;
  /** What the function answered last, as JSON text; at most STATE_BYTES_MAX where it is written down. */
  readonly state: string;
}

/** A window's state may be this large; one that is larger ends its window early. */
export const STATE_BYTES_MAX = 1_048_576;

export interface ShardCheckpoint {
  /** Where reading goes on. */
  readonly position: ReadPosition;
  /** The shard is closed and delivered to its end. */
  readonly isFinished?: true;
  /** Its state as a value: no text within a text. */
  readonly window?: Omit<OpenWindow, 'state'> & { readonly state: unknown };
}

export interface StreamBeginning {
  /** Epoch milliseconds. */
  readonly startedMs: number;
  /** With LATEST: the shards of that time. Those that came later are read from their beginning. */
  readonly firstIds?: readonly string[];
}

export interface Kept<Body> {
  readonly revision: number;
  readonly body: Body;
}

export function beginningKey({ account, region }: Namespace, uuid: string): RecordKey {
  return { account, region, kind: 'stream-checkpoint', id: uuid };
}

export function shardKey(namespace: Namespace, uuid: string, shardId: string): RecordKey {
  return { ...beginningKey(namespace, uuid), id: `${uuid}/${shardId}` };
}

export async function readBeginning(
  metadata: MetadataStore,
  namespace: Namespace,
  uuid: string,
): Promise<Kept<StreamBeginning> | undefined> {
  const record = await metadata.get(beginningKey(namespace, uuid));
  return record && { revision: record.revision, body: record.body as StreamBeginning };
}

/** By shard. */
export async function readShards(
  metadata: MetadataStore,
  namespace: Namespace,
  uuid: string,
): Promise<Map<string, Kept<ShardCheckpoint>>> {
  const prefix = `${uuid}/`;
  const shards = new Map<string, Kept<ShardCheckpoint>>();
  for await (const { id, revision, body } of walkRecords<ShardCheckpoint>(metadata, namespace, 'stream-checkpoint', {
    prefix,
  }))
    shards.set(id.slice(prefix.length), { revision, body });
  return shards;
}
