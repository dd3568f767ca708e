/**
 * The port of the queue of asynchronous work: events that wait for their function, and records that wait for their
 * destination. Both are items with an owner, a time at which they are due, and bytes.
 *
 * One server works on a queue. What it has in hand it knows itself, so that taking an item costs no write, and kill -9
 * gives everything back that was in hand: at least once, never lost. The contract suite (test/contract/event-queue.ts)
 * holds each adapter to all of this.
 */
import type { Namespace } from './namespace.ts';

/** `event`: to be given to a function. `delivery`: to be sent to a destination or a dead-letter queue. */
export type Lane = 'event' | 'delivery';

/** The function whose item it is: each has a line of its own, so that a flood of one is not before the others. */
export interface ItemOwner extends Namespace {
  readonly functionName: string;
}

export interface NewItem extends ItemOwner {
  readonly lane: Lane;
  /** Epoch milliseconds: when its age began. */
  readonly bornMs: number;
  /** Epoch milliseconds: from when on it is to be worked on. */
  readonly dueMs: number;
  /** Plain JSON, at most DETAIL_LENGTH_MAX characters of it. */
  readonly detail: unknown;
  readonly payload: Uint8Array;
}

export interface WaitingItem extends Omit<NewItem, 'payload'> {
  /** Counts up in the order of acceptance; never given twice. */
  readonly id: number;
}

/** What of an owner's line is due. */
export interface DueItems {
  /** By due time, then by id. */
  readonly items: readonly WaitingItem[];
  /** When the next one that is neither in `items` nor excepted falls due; undefined when there is none. */
  readonly nextMs: number | undefined;
}

/** One line, as it is found when a server starts. */
export interface Line extends ItemOwner {
  readonly lane: Lane;
  readonly count: number;
  /** Of the item that is due first. */
  readonly dueMs: number;
}

export const DETAIL_LENGTH_MAX = 65_536;
/** A record with an event of 1 MB and an answer of 6 MB of which each byte is written as `\u0000`. */
export const PAYLOAD_BYTES_MAX = 50_331_648;
export const DUE_LIMIT_MAX = 1000;

export interface EventQueue {
  /** On disk and synced when it resolves. Rejects with StoreFull without room: then nothing was accepted. */
  accept(item: NewItem): Promise<void>;
  /** At most `limit` items that are due, without those whose ids are excepted because they are in hand. */
  due(lane: Lane, owner: ItemOwner, nowMs: number, limit: number, except: ReadonlySet<number>): Promise<DueItems>;
  /** The bytes of an item; undefined when the disk has lost or damaged them. */
  payload(item: WaitingItem): Promise<Uint8Array | undefined>;
  /** Puts an item back to be due later, with another detail. On disk and synced; nothing happens to one that has ended. */
  reschedule(item: WaitingItem, dueMs: number, detail: unknown): Promise<void>;
  /** Ends an item and accepts what follows from it, all of it or nothing; for one that has ended already, nothing. */
  end(item: WaitingItem, following: readonly NewItem[]): Promise<void>;
  /** Every line that is not empty. */
  lines(): Promise<readonly Line[]>;
  /** Makes everything that waits older, and due sooner, by so much: for the test clock. */
  advance(byMs: number): Promise<void>;
  /** Finishes what was asked. */
  close(): Promise<void>;
}

/** Detail of an item as JSON text. Throws an Error for what no adapter takes: all of it is our own fault. */
export function encodedDetail(detail: unknown): string {
  const text: string | undefined = JSON.stringify(detail);
  if (text === undefined || text.length > DETAIL_LENGTH_MAX)
    throw new Error(`the detail of a queued item is no JSON of at most ${DETAIL_LENGTH_MAX} characters`);
  return text;
}

/** Throws an Error for what no adapter takes. */
export function checkItem({ account, region, functionName, payload }: NewItem): void {
  if (account === '' || region === '' || functionName === '') throw new Error('a queued item without an owner');
  if (payload.byteLength > PAYLOAD_BYTES_MAX)
    throw new Error(`a queued item of ${payload.byteLength} bytes; at most ${PAYLOAD_BYTES_MAX}`);
}

export function checkDueLimit(limit: number): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > DUE_LIMIT_MAX)
    throw new Error(`${limit} items at once; 1 to ${DUE_LIMIT_MAX}`);
}
