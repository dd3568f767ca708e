import { lineName } from '../../src/invoke/queue-line.ts';
import {
  checkDueLimit,
  checkItem,
  type EventQueue,
  encodedDetail,
  type Line,
  type NewItem,
  type WaitingItem,
} from '../../src/store/event-queue.ts';

interface Stored extends Omit<WaitingItem, 'detail' | 'bornMs' | 'dueMs'> {
  bornMs: number;
  dueMs: number;
  detail: string;
  readonly payload: Uint8Array;
}

/** The event queue's port in memory; `open` gives it back as it is after a crash. */
export function memoryEventQueue(): { open(): EventQueue } {
  const items = new Map<number, Stored>();
  let lastId = 0;
  const accept = (item: NewItem) => {
    checkItem(item);
    const { lane, account, region, functionName, bornMs, dueMs } = item;
    const id = ++lastId;
    const payload = new Uint8Array(item.payload);
    const detail = encodedDetail(item.detail);
    items.set(id, { id, lane, account, region, functionName, bornMs, dueMs, detail, payload });
  };
  const queue: EventQueue = {
    async accept(item) {
      accept(item);
    },
    async due(lane, owner, nowMs, limit, except) {
      checkDueLimit(limit);
      const waiting = [...items.values()]
        .filter((item) => item.lane === lane && lineName(item) === lineName(owner) && !except.has(item.id))
        .sort((one, other) => one.dueMs - other.dueMs || one.id - other.id);
      const due = waiting.filter(({ dueMs }) => dueMs <= nowMs).slice(0, limit);
      const seen = due.map(({ payload: _payload, detail, ...item }) => ({ ...item, detail: JSON.parse(detail) }));
      return { items: seen, nextMs: waiting[due.length]?.dueMs };
    },
    async payload({ id }) {
      return items.get(id)?.payload;
    },
    async reschedule({ id }, dueMs, detail) {
      const item = items.get(id);
      if (item) Object.assign(item, { dueMs, detail: encodedDetail(detail) });
    },
    async end({ id }, following) {
      for (const item of following) checkItem(item);
      if (items.delete(id)) for (const item of following) accept(item);
    },
    async lines() {
      const lines = new Map<string, Line>();
      for (const { lane, account, region, functionName, dueMs } of items.values()) {
        const name = `${lane} ${lineName({ account, region, functionName })}`;
        const { count = 0, dueMs: first = dueMs } = lines.get(name) ?? {};
        lines.set(name, { lane, account, region, functionName, count: count + 1, dueMs: Math.min(first, dueMs) });
      }
      return [...lines.values()];
    },
    async advance(byMs) {
      for (const item of items.values()) {
        item.bornMs -= byMs;
        item.dueMs -= byMs;
      }
    },
    async close() {},
  };
  return { open: () => queue };
}
