import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  DETAIL_LENGTH_MAX,
  DUE_LIMIT_MAX,
  type EventQueue,
  type ItemOwner,
  type Lane,
  type NewItem,
  PAYLOAD_BYTES_MAX,
  type WaitingItem,
} from '../../src/store/event-queue.ts';

/** One queue, empty at first, that can be closed and opened again. */
export interface QueueHome {
  open(): Promise<EventQueue>;
  remove(): Promise<void>;
}

type Test = (queue: EventQueue, home: QueueHome) => Promise<void>;

const NOW = 1_700_000_000_000;
const A: ItemOwner = { account: '123456789012', region: 'eu-central-1', functionName: 'a' };
const B: ItemOwner = { ...A, functionName: 'b' };
const NONE: ReadonlySet<number> = new Set();

function item(text: string, more: Partial<NewItem> = {}): NewItem {
  const payload = Buffer.from(text);
  return { ...A, lane: 'event', bornMs: NOW, dueMs: NOW, detail: { length: text.length }, payload, ...more };
}

async function due(queue: EventQueue, owner = A, options: { now?: number; lane?: Lane; limit?: number } = {}) {
  return await queue.due(options.lane ?? 'event', owner, options.now ?? NOW, options.limit ?? 100, NONE);
}

async function texts(queue: EventQueue, items: readonly WaitingItem[]): Promise<string[]> {
  const payloads = await Promise.all(items.map((one) => queue.payload(one)));
  return payloads.map((payload) => Buffer.from(payload as Uint8Array).toString());
}

async function dueTexts(queue: EventQueue, ...rest: Parameters<typeof due> extends [unknown, ...infer R] ? R : never) {
  return await texts(queue, (await due(queue, ...rest)).items);
}

/** Every adapter of the event queue's port passes this suite. */
export function eventQueueContract(name: string, makeHome: () => Promise<QueueHome>): void {
  const tests = { ...acceptance, ...lines, ...later, ...endings, ...life };
  describe(`event queue: ${name}`, () => {
    for (const [title, test] of Object.entries(tests))
      it(title, { timeout: 60_000 }, async () => {
        const home = await makeHome();
        const queue = await home.open();
        try {
          await test(queue, home);
        } finally {
          await queue.close();
          await home.remove();
        }
      });
  });
}

const acceptance: Record<string, Test> = {
  async 'an item comes back as it was accepted'(queue) {
    const detail = { b: '\u0000 🐑', a: [1, null, { deep: true }] };
    await queue.accept(item('one', { detail, bornMs: NOW - 5 }));
    const { items, nextMs } = await due(queue);
    const { id, lane, account, region, functionName, bornMs, dueMs, detail: read } = items[0] as WaitingItem;
    assert.equal(items.length, 1);
    assert.ok(Number.isSafeInteger(id) && id > 0);
    assert.deepEqual({ account, region, functionName }, A);
    assert.deepEqual([lane, bornMs, dueMs, nextMs], ['event', NOW - 5, NOW, undefined]);
    assert.equal(JSON.stringify(read), JSON.stringify(detail));
    assert.deepEqual(await texts(queue, items), ['one']);
  },
  async 'payloads of every size come back byte for byte, views of larger buffers too'(queue) {
    const large = Buffer.alloc(1_048_576 + 10);
    for (let at = 0; at < large.length; at++) large[at] = (at * 31 + (at >> 8)) & 0xff;
    const sizes = [0, 1, 1000, 32_768, 32_769, 262_144, 1_048_576];
    await Promise.all(
      sizes.map((size) => queue.accept(item('', { payload: large.subarray(7, 7 + size), dueMs: size }))),
    );
    const { items } = await due(queue);
    assert.deepEqual(
      items.map(({ dueMs }) => dueMs),
      sizes,
    );
    for (const [index, size] of sizes.entries()) {
      const payload = await queue.payload(items[index] as WaitingItem);
      assert.ok(payload && large.subarray(7, 7 + size).equals(payload), `${size} bytes`);
    }
  },
  async 'what is accepted at once is all there'(queue) {
    const count = 1500;
    await Promise.all(Array.from({ length: count }, (_, at) => queue.accept(item(`${at}`))));
    const seen = new Set<number>();
    for (;;) {
      const { items } = await queue.due('event', A, NOW, 400, seen);
      if (items.length === 0) break;
      for (const { id } of items) seen.add(id);
    }
    assert.equal(seen.size, count);
  },
  async 'what no adapter takes is refused'(queue) {
    await assert.rejects(queue.accept(item('x', { functionName: '' })), /without an owner/);
    await assert.rejects(queue.accept(item('x', { payload: Buffer.alloc(PAYLOAD_BYTES_MAX + 1) })), /at most/);
    await assert.rejects(queue.accept(item('x', { detail: 'x'.repeat(DETAIL_LENGTH_MAX) })), /no JSON of at most/);
    await assert.rejects(queue.accept(item('x', { detail: undefined })), /no JSON of at most/);
    await assert.rejects(due(queue, A, { limit: DUE_LIMIT_MAX + 1 }), /items at once/);
    assert.deepEqual(await queue.lines(), []);
  },
};

const lines: Record<string, Test> = {
  async 'each owner has a line of its own in each lane'(queue) {
    await queue.accept(item('a'));
    await queue.accept(item('b', B));
    await queue.accept(item('record', { lane: 'delivery', dueMs: NOW + 1 }));
    await queue.accept(item('elsewhere', { region: 'us-east-1' }));
    await queue.accept(item('later', { dueMs: NOW + 9 }));
    assert.deepEqual(await dueTexts(queue, A), ['a']);
    assert.deepEqual(await dueTexts(queue, B), ['b']);
    assert.deepEqual(await dueTexts(queue, A, { lane: 'delivery', now: NOW + 1 }), ['record']);
    const found = (await queue.lines()).map(({ lane, region, functionName, count, dueMs }) =>
      [lane, region, functionName, count, dueMs - NOW].join(' '),
    );
    assert.deepEqual(found.sort(), [
      'delivery eu-central-1 a 1 1',
      'event eu-central-1 a 2 0',
      'event eu-central-1 b 1 0',
      'event us-east-1 a 1 0',
    ]);
  },
  async 'a line is in order of due time, then of acceptance'(queue) {
    for (const [text, dueMs] of [
      ['second', 5],
      ['third', 5],
      ['first', 4],
      ['last', 6],
    ] as const)
      await queue.accept(item(text, { dueMs: NOW + dueMs }));
    assert.deepEqual(await dueTexts(queue, A, { now: NOW + 6 }), ['first', 'second', 'third', 'last']);
  },
  async 'only what is due comes, at most so many, and the next time is told'(queue) {
    for (const dueMs of [1, 2, 3, 10]) await queue.accept(item(`${dueMs}`, { dueMs: NOW + dueMs }));
    assert.deepEqual(await due(queue, A, { now: NOW }), { items: [], nextMs: NOW + 1 });
    const some = await due(queue, A, { now: NOW + 3, limit: 2 });
    assert.deepEqual([await texts(queue, some.items), some.nextMs], [['1', '2'], NOW + 3]);
    const all = await due(queue, A, { now: NOW + 9 });
    assert.deepEqual([await texts(queue, all.items), all.nextMs], [['1', '2', '3'], NOW + 10]);
    assert.deepEqual(await due(queue, B), { items: [], nextMs: undefined });
  },
  async 'what is in hand does not come again'(queue) {
    for (const text of ['1', '2', '3']) await queue.accept(item(text));
    const [first, second] = (await due(queue)).items as [WaitingItem, WaitingItem];
    const rest = await queue.due('event', A, NOW, 1, new Set([first.id, second.id]));
    assert.deepEqual([await texts(queue, rest.items), rest.nextMs], [['3'], undefined]);
    const nextOfOne = await queue.due('event', A, NOW, 1, new Set([first.id]));
    assert.deepEqual([await texts(queue, nextOfOne.items), nextOfOne.nextMs], [['2'], NOW]);
  },
};

const later: Record<string, Test> = {
  async 'an item that is put back comes when it is due, with its new detail and the same bytes'(queue) {
    await queue.accept(item('x', { payload: Buffer.alloc(50_000, 'x') }));
    const [first] = (await due(queue)).items as [WaitingItem];
    await queue.reschedule(first, NOW + 60_000, { attempts: 1 });
    assert.deepEqual(await due(queue), { items: [], nextMs: NOW + 60_000 });
    const [again] = (await due(queue, A, { now: NOW + 60_000 })).items as [WaitingItem];
    assert.deepEqual([again.id, again.bornMs, again.detail], [first.id, NOW, { attempts: 1 }]);
    assert.equal((await queue.payload(again))?.byteLength, 50_000);
  },
  async 'many are put back and ended at once'(queue) {
    await Promise.all(Array.from({ length: 300 }, (_, at) => queue.accept(item(`${at}`))));
    const { items } = await due(queue, A, { limit: 300 });
    await Promise.all(
      items.map((one, at) => (at % 3 === 0 ? queue.end(one, []) : queue.reschedule(one, NOW + at, { at }))),
    );
    const left = (await due(queue, A, { now: NOW + 300, limit: 300 })).items;
    assert.deepEqual(
      left.map(({ detail }) => (detail as { at: number }).at),
      Array.from({ length: 300 }, (_, at) => at).filter((at) => at % 3 !== 0),
    );
  },
  async 'advancing makes everything older and due sooner'(queue) {
    await queue.accept(item('1', { dueMs: NOW + 60_000 }));
    await queue.accept(item('2', { lane: 'delivery', dueMs: NOW + 60_001 }));
    await queue.advance(60_000);
    const [one] = (await due(queue)).items as [WaitingItem];
    assert.deepEqual([one.bornMs, one.dueMs], [NOW - 60_000, NOW]);
    assert.deepEqual(await due(queue, A, { lane: 'delivery' }), { items: [], nextMs: NOW + 1 });
  },
};

const endings: Record<string, Test> = {
  async 'an item ends together with what follows from it'(queue) {
    await queue.accept(item('x', { payload: Buffer.alloc(40_000, 'x') }));
    const [one] = (await due(queue)).items as [WaitingItem];
    const record = (text: string) => item(text, { lane: 'delivery' });
    await queue.end(one, [record('small'), record('large'.repeat(20_000))]);
    assert.deepEqual(await due(queue), { items: [], nextMs: undefined });
    const records = await dueTexts(queue, A, { lane: 'delivery' });
    assert.deepEqual(
      records.map((text) => text.length),
      [5, 100_000],
    );
  },
  async 'what has ended brings nothing more and is not put back'(queue) {
    await queue.accept(item('x'));
    const [one] = (await due(queue)).items as [WaitingItem];
    await queue.end(one, []);
    await queue.end(one, [item('again'), item('again'.repeat(10_000))]);
    await queue.reschedule(one, NOW, {});
    assert.deepEqual(await queue.lines(), []);
  },
  async 'ids are never given twice'(queue, home) {
    await queue.accept(item('1'));
    const [one] = (await due(queue)).items as [WaitingItem];
    await queue.end(one, []);
    await queue.close();
    const again = await home.open();
    await again.accept(item('2'));
    const [two] = (await due(again)).items as [WaitingItem];
    await again.close();
    assert.ok(two.id > one.id);
  },
};

const life: Record<string, Test> = {
  async 'everything is there after closing and opening, in hand or not'(queue, home) {
    await queue.accept(item('1'));
    await queue.accept(item('2'.repeat(100_000)));
    const [one] = (await due(queue)).items as [WaitingItem];
    await queue.reschedule(one, NOW + 5, { attempts: 1 });
    await due(queue);
    await queue.close();
    const again = await home.open();
    const { items } = await due(again, A, { now: NOW + 5 });
    assert.deepEqual(
      (await texts(again, items)).map((text) => text.length),
      [100_000, 1],
    );
    assert.deepEqual(items[1]?.detail, { attempts: 1 });
    await again.close();
  },
};
