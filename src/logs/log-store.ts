/**
 * The port of log storage: groups of streams of events, as CloudWatch Logs has them.
 *
 * What functions write is no acknowledged data: it is written in batches, without syncing, and bounded in size; what is
 * dropped is counted and said. What callers make and set (groups, streams, retention, tags) is synced before it is
 * acknowledged. Events that are older than their group's retention are not read, and are removed before long.
 */
export interface LogEvent {
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly message: string;
  /** Epoch milliseconds at which lambdad took the event in. */
  readonly ingestionTime: number;
}

/** An event as it is handed in. */
export interface NewLogEvent {
  readonly timestamp: number;
  readonly message: string;
}

export interface LogGroupKey {
  readonly account: string;
  readonly region: string;
  readonly group: string;
}

export interface LogStreamKey extends LogGroupKey {
  readonly stream: string;
}

export interface LogStreamView {
  readonly stream: string;
  readonly createdAt: number;
  readonly firstEventAt?: number;
  readonly lastEventAt?: number;
  readonly lastIngestionAt?: number;
  readonly storedBytes: number;
}

export type LogGroupClass = 'STANDARD' | 'INFREQUENT_ACCESS' | 'DELIVERY';

/** What callers have said about a group. */
export interface LogGroupSettings {
  readonly logClass: LogGroupClass;
  /** How many days events are kept; undefined: as long as there is room. */
  readonly retentionDays: number | undefined;
  readonly tags: Readonly<Record<string, string>>;
  /** Whether it is refused to delete the group, its streams included. */
  readonly isProtected: boolean;
}

/** The settings of a group that a function's output has begun. */
export const defaultSettings: LogGroupSettings = {
  logClass: 'STANDARD',
  retentionDays: undefined,
  tags: {},
  isProtected: false,
};

export interface LogGroupView extends LogGroupSettings {
  readonly group: string;
  readonly createdAt: number;
  readonly storedBytes: number;
}

/** One event found by a query, with where it stands, so that reading can go on after it. */
export interface FoundEvent extends LogEvent {
  readonly stream: string;
  /** Orders events of one group: equal timestamps keep the order in which they were written. */
  readonly eventId: string;
}

/** The eventId of an event: 56 digits, ordered as text as (timestamp, sequence) are as numbers. */
export function eventIdOf(timestamp: number, sequence: number): string {
  return String(timestamp).padStart(TIME_DIGITS, '0') + String(sequence).padStart(SEQUENCE_DIGITS, '0');
}

/** The timestamp in an eventId. */
export function timestampOf(eventId: string): number {
  return Number(eventId.slice(0, TIME_DIGITS));
}

const TIME_DIGITS = 20;
const SEQUENCE_DIGITS = 36;

export interface LogQuery extends LogGroupKey {
  /** Only these streams; left out: all. */
  readonly streams?: readonly string[];
  readonly streamPrefix?: string;
  /** Inclusive start and exclusive end, epoch ms. */
  readonly startTime?: number;
  readonly endTime?: number;
  /** Only events whose eventId is greater. */
  readonly afterEventId?: string;
  /** Only events whose eventId is less. */
  readonly beforeEventId?: string;
  /** The newest of what matches instead of the oldest; the order of the answer is the same. */
  readonly backwards?: boolean;
  readonly limit: number;
  /** Stop after the event with which the messages' length in bytes passes this; a store has a bound of its own as well. */
  readonly bytesMax?: number;
}

/** Nothing, or not all, of a change could be kept, for a reason that lies outside: a full disk, for one. */
export class LogStoreUnavailable extends Error {}

export interface LogStore {
  /** Takes the events in at once and returns; they are readable at once and on disk soon. Never throws, never blocks. */
  append(key: LogStreamKey, events: readonly NewLogEvent[]): void;
  /**
   * Takes events of a caller into a stream that is there. Resolves when they outlive the process (they are not synced).
   * Rejects with LogStoreUnavailable.
   */
  put(key: LogStreamKey, events: readonly NewLogEvent[]): Promise<'kept' | 'no group' | 'no stream'>;
  groups(account: string, region: string): Promise<readonly LogGroupView[]>;
  /** One group; undefined when there is no such group. */
  group(key: LogGroupKey): Promise<LogGroupView | undefined>;
  /** undefined when there is no such group. */
  streams(key: LogGroupKey): Promise<readonly LogStreamView[] | undefined>;
  /**
   * undefined when there is no such group. In order of time, then of eventId. May hold fewer than `limit` for the sake of
   * size; only an empty answer means that nothing more matches.
   */
  read(query: LogQuery): Promise<readonly FoundEvent[] | undefined>;
  /** `full`: the account, or the store, has as many groups, or as long settings, as it may. Rejects with LogStoreUnavailable. */
  createGroup(key: LogGroupKey, settings: LogGroupSettings): Promise<'created' | 'exists' | 'full'>;
  /**
   * Sets what `change` makes of a group's settings; what it throws passes through, and nothing is changed. Rejects with
   * LogStoreUnavailable.
   */
  changeGroup(
    key: LogGroupKey,
    change: (settings: LogGroupSettings) => LogGroupSettings,
  ): Promise<'changed' | 'no group' | 'full'>;
  deleteGroup(key: LogGroupKey): Promise<'deleted' | 'no group' | 'protected'>;
  createStream(key: LogStreamKey): Promise<'created' | 'exists' | 'no group' | 'full'>;
  deleteStream(key: LogStreamKey): Promise<'deleted' | 'no group' | 'no stream' | 'protected'>;
  /** Writes out what is buffered. */
  flush(): Promise<void>;
  close(): Promise<void>;
}
