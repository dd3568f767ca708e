import { type Clock, systemClock } from '../../base/clock.ts';
import {
  checkDueLimit,
  checkItem,
  type EventQueue,
  encodedDetail,
  type NewItem,
  type WaitingItem,
} from '../../store/event-queue.ts';
import { StoreFull } from '../../store/metadata.ts';
import type { EventPayloads } from '../disk/event-payloads.ts';
import { startDatabaseThread } from './database-thread.ts';
import type { ItemRow, QueueOutcome, QueueQuestion, StoredItem } from './queue-messages.ts';
import { WorkerLink } from './worker-link.ts';

export interface SqliteQueueSettings {
  /** The database file; its directory exists. */
  readonly path: string;
  /** Where payloads go that are too large for a row. */
  readonly payloads: EventPayloads;
  readonly clock?: Clock;
  /** Told of damage, in one line each. */
  readonly note?: (line: string) => unknown;
}

/**
 * Larger payloads are files of their own, written before their row. In a row they would pass through the log and the
 * database, in the one transaction that everybody's small events wait for; a file is written once, beside it.
 */
export const ROW_PAYLOAD_BYTES_MAX = 32_768;

/** An item that this process has seen, with what the port does not show of it. */
interface SeenItem extends WaitingItem {
  readonly stored?: Pick<ItemRow, 'payload' | 'file'>;
}

/**
 * Opens, or creates, the event queue in SQLite: a write-ahead log, synced for each group of writes, in a thread of its
 * own. Rejects as openSqliteMetadata does, but for damage: then what can be read is kept. Files of payloads that no item refers to are removed.
 */
export async function openSqliteQueue(settings: SqliteQueueSettings): Promise<EventQueue> {
  const { path, payloads, clock = systemClock, note = () => {} } = settings;
  const thread = startDatabaseThread('event-queue', 'queue-worker', { path });
  const link = new WorkerLink<QueueQuestion, QueueOutcome>(thread, `event queue ${path}`, clock);
  await openAndSweep(link, payloads, note);

  async function store(items: readonly NewItem[], ask: (stored: readonly StoredItem[]) => QueueQuestion) {
    for (const item of items) checkItem(item);
    const files: string[] = [];
    try {
      const stored: StoredItem[] = [];
      for (const item of items) {
        const detail = encodedDetail(item.detail);
        const isLarge = item.payload.byteLength > ROW_PAYLOAD_BYTES_MAX;
        const file = isLarge ? await payloads.put(item.payload) : null;
        if (file !== null) files.push(file);
        stored.push(storedItem(item, detail, file));
      }
      const { found } = answerOf(await link.ask(ask(stored)), 'done');
      if (!found) for (const file of files) payloads.drop(file);
    } catch (error) {
      // After any other failure a row may have come to be, and it must find its file.
      if (error instanceof StoreFull) for (const file of files) payloads.drop(file);
      throw error;
    }
  }

  return {
    async accept(item) {
      await store([item], ([stored]) => ({ type: 'accept', item: stored as StoredItem }));
    },
    async due(lane, { account, region, functionName }, nowMs, limit, except) {
      checkDueLimit(limit);
      const owner = { account, region, functionName };
      const question = { type: 'due', lane, owner, limit: limit + except.size + 1 } as const;
      const waiting = answerOf(await link.ask(question), 'items').items.filter(({ id }) => !except.has(id));
      const dueCount = waiting.slice(0, limit).findIndex(({ dueMs }) => dueMs > nowMs);
      const rows = waiting.slice(0, dueCount < 0 ? limit : dueCount);
      const items = rows.map(seenItem);
      for (const { id } of rows.filter((_, at) => items[at] === undefined)) {
        note(`event queue ${path}: an item of ${owner.functionName} is dropped: it is damaged`);
        await link.ask({ type: 'end', id, following: [] });
      }
      return { items: items.filter((item) => item !== undefined), nextMs: waiting[rows.length]?.dueMs };
    },
    async payload({ stored }: SeenItem) {
      if (stored === undefined) throw new Error('an item that did not come from this queue');
      if (stored.payload !== null) return stored.payload;
      return stored.file === null ? undefined : await payloads.get(stored.file);
    },
    async reschedule({ id }, dueMs, detail) {
      await link.ask({ type: 'reschedule', id, dueMs, detail: encodedDetail(detail) });
    },
    async end(item: SeenItem, following) {
      await store(following, (stored) => ({ type: 'end', id: item.id, following: stored }));
      if (item.stored?.file) payloads.drop(item.stored.file);
    },
    async lines() {
      return answerOf(await link.ask({ type: 'lines' }), 'lines').lines;
    },
    async advance(byMs) {
      await link.ask({ type: 'advance', byMs });
    },
    async close() {
      await link.close();
      await payloads.idle();
    },
  };
}

/** Says what there is to say, and removes the files of payloads that no item refers to. */
async function openAndSweep(
  link: WorkerLink<QueueQuestion, QueueOutcome>,
  payloads: EventPayloads,
  note: (line: string) => unknown,
): Promise<void> {
  const said = await link.opened();
  if (said !== undefined) note(said);
  const used = new Set(answerOf(await link.ask({ type: 'files' }), 'files').files);
  await payloads.sweep((name) => used.has(name));
}

function answerOf<Type extends QueueOutcome['type']>(
  outcome: QueueOutcome,
  type: Type,
): Extract<QueueOutcome, { type: Type }> {
  if (outcome.type !== type) throw new Error(`the event queue answered with ${outcome.type} where ${type} was asked`);
  return outcome as Extract<QueueOutcome, { type: Type }>;
}

function storedItem(item: NewItem, detail: string, file: string | null): StoredItem {
  const { lane, account, region, functionName, bornMs, dueMs } = item;
  // A copy, because a view would take all of the memory that it looks at along to the other thread.
  const payload = file === null ? new Uint8Array(item.payload) : null;
  return { lane, account, region, functionName, bornMs, dueMs, detail, file, payload };
}

/** Undefined for one whose detail is no JSON: bytes that have changed on the disk. */
function seenItem({ payload, file, detail, ...row }: ItemRow): SeenItem | undefined {
  try {
    return { ...row, detail: JSON.parse(detail) as unknown, stored: { payload, file } };
  } catch {
    return undefined;
  }
}
