/**
 * The port to the services that event source mappings read from. An adapter knows one service: its calls, its records
 * as functions see them, and what its errors mean. It keeps nothing and decides nothing: batching, windows, filters,
 * retries, checkpoints, destinations and states are the rooms' own and the same for every source.
 */
import type { Asker } from '../neighbours/neighbours.ts';
import type { Source, SourceKind } from './source-kind.ts';

export interface SourceRecord {
  /** What a partial batch response names it by: a message id, a sequence number. */
  readonly id: string;
  /** The record as the function's event shows it (lambda-facts 8.5). */
  readonly event: Readonly<Record<string, unknown>>;
  /** UTF-8 bytes of the event's JSON. */
  readonly eventBytes: number;
  /** Epoch milliseconds at which the source took it. */
  readonly arrivedMs: number;
  /** Records with one key are delivered one after the other: a partition key, a message group. */
  readonly orderKey?: string;
  /** Queues: what acknowledges this delivery of it. */
  readonly receipt?: string;
  /** X-Ray header that came with it. */
  readonly traceHeader?: string;
}

/** What is read in order, by one reader at a time: a shard. A queue has one, with the id ''. */
export interface SourcePartition {
  readonly id: string;
  /** Partitions that must be read to their end before this one. */
  readonly parentIds: readonly string[];
}

export type ReadPosition =
  | { readonly type: 'TRIM_HORIZON' | 'LATEST' }
  | { readonly type: 'AT_TIMESTAMP'; readonly ms: number }
  /** Behind the record with this id. */
  | { readonly type: 'AFTER'; readonly id: string };

export interface ReadRequest {
  readonly recordsMax: number;
  /** How long the service may hold the answer back while there is nothing; 0 to answer at once. */
  readonly waitMs: number;
  /** Queues: how long what is read stays hidden from other readers; absent, as the queue says. */
  readonly hiddenMs?: number;
  readonly signal: AbortSignal;
}

export interface ReadAnswer {
  readonly records: readonly SourceRecord[];
  /** Nothing will ever come again: the shard is closed and read to its end. */
  readonly isEnd: boolean;
  /** Streams: milliseconds between now and the arrival of what was read last, by the service's word. */
  readonly behindMs?: number;
}

/** One reader of one partition; calls follow one another, except on a queue, where they may overlap. */
export interface PartitionReader {
  read(request: ReadRequest): Promise<ReadAnswer>;
}

/** Every method rejects with SourceTrouble, within a bounded time, and soon after its signal was aborted. */
export interface SourceConnection {
  /** All partitions that are there now, closed ones that can still be read among them. */
  partitions(signal: AbortSignal): Promise<readonly SourcePartition[]>;
  /** A reader from this position on; queues take no position. */
  open(partition: SourcePartition, position?: ReadPosition): Promise<PartitionReader>;
  /** Queues: deletes what was delivered; resolves with the records that the service did not delete. Else nothing. */
  acknowledge(records: readonly SourceRecord[]): Promise<readonly SourceRecord[]>;
  /** Queues: shows the records again after so long. Else nothing. */
  release(records: readonly SourceRecord[], afterMs: number): Promise<void>;
  /** Queues: how long what is read stays hidden, in milliseconds. */
  hiddenMs?(signal: AbortSignal): Promise<number>;
  /** Streams: how long a record stays in the stream. */
  retentionMs?(signal: AbortSignal): Promise<number>;
  close(): void;
}

export interface SourceAdapter {
  /** Asks nothing yet. `asker`: the function, in whose role the source is read where there are sessions of roles. */
  connect(asker: Asker, source: Source): SourceConnection;
}

/** The adapters of the sources whose service has an endpoint. */
export type SourceAdapters = Partial<Record<SourceKind, SourceAdapter>>;

/**
 * What a service's refusal comes to:
 * `missing` the source is not there; `denied` it may not be read; `trimmed` the position is older than what is kept;
 * `busy` asked too often; `unreachable` no answer, or the service's own fault; `refused` anything else.
 */
export type TroubleKind = 'missing' | 'denied' | 'trimmed' | 'busy' | 'unreachable' | 'refused';

export class SourceTrouble extends Error {
  readonly kind: TroubleKind;

  /** `message`: as a mapping's LastProcessingResult or StateTransitionReason may show it. */
  constructor(kind: TroubleKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
