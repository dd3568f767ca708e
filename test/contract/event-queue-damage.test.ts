/** A database of events that the disk has damaged: what can be read of it is kept, and it is said once. */
import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync, renameSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { randomIds } from '../../src/base/ids.ts';
import { openEventPayloads } from '../../src/databases/disk/event-payloads.ts';
import { sealedQueue } from '../../src/databases/sealed-queue.ts';
import { openSqliteQueue } from '../../src/databases/sqlite/event-queue.ts';
import { DUE_LIMIT_MAX, type EventQueue } from '../../src/store/event-queue.ts';
import { randomFromSeed } from './random-from-seed.ts';

const OWNER = { account: '123456789012', region: 'eu-central-1', functionName: 'f' };
const ITEMS = 400;
const PAGE_BYTES = 4096;
const ROUNDS = 12;
const SEED = 7_301;

interface Home {
  readonly path: string;
  readonly said: string[];
  open(): Promise<EventQueue>;
}

/** A closed queue that holds so many items, each with its number. */
async function withQueue(test: (home: Home) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'lambdad-damage-'));
  const path = join(dir, 'events.db');
  const said: string[] = [];
  const key = Buffer.alloc(32, 'k');
  const note = (line: string) => said.push(line);
  const open = async () => {
    const payloads = await openEventPayloads(join(dir, 'events'), randomIds);
    return sealedQueue(await openSqliteQueue({ path, payloads, note }), key);
  };
  try {
    const queue = await open();
    await Promise.all(Array.from({ length: ITEMS }, (_, n) => accept(queue, n)));
    await queue.close();
    await test({ path, said, open });
  } finally {
    await rm(dir, { recursive: true });
  }
}

const accept = (queue: EventQueue, n: number) =>
  queue.accept({ ...OWNER, lane: 'event', bornMs: 0, dueMs: 0, detail: { n }, payload: Buffer.alloc(300, `${n} `) });

async function numbersIn(queue: EventQueue): Promise<readonly number[]> {
  const { items } = await queue.due('event', OWNER, 0, DUE_LIMIT_MAX, new Set());
  for (const item of items) {
    const { n } = item.detail as { readonly n: number };
    const payload = await queue.payload(item);
    // What was torn in its middle the seal gives away.
    if (payload !== undefined) assert.equal(Buffer.from(payload).toString(), `${n} `.repeat(300).slice(0, 300));
  }
  return items.map(({ detail }) => (detail as { readonly n: number }).n).toSorted((a, b) => a - b);
}

function overwrite(path: string, offset: number, bytes: Uint8Array): void {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, bytes.byteLength, offset);
  closeSync(file);
}

/** Opens what is damaged: it is said in one line, what is there can be read, and the queue is a queue again. */
async function mended({ path, said, open }: Home): Promise<number> {
  const queue = await open();
  const [line = '', ...more] = said;
  assert.deepEqual(more, []);
  const count =
    /^event queue \S+ was damaged \([^\n]+\): (\d+) items could be read and are worked on; it is kept as (\S+)$/.exec(
      line,
    );
  assert.ok(count, line);
  assert.ok(existsSync(count[2] as string));
  assert.equal((await numbersIn(queue)).length, Number(count[1]));
  await accept(queue, ITEMS);
  assert.equal((await numbersIn(queue)).at(-1), ITEMS);
  await queue.close();
  const again = await open();
  assert.equal((await numbersIn(again)).length, Number(count[1]) + 1);
  await again.close();
  assert.equal(said.length, 1, 'once');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  return Number(count[1]);
}

describe('a damaged event queue', { timeout: 120_000 }, () => {
  it('that was cut off keeps what stands before the cut', () =>
    withQueue(async (home) => {
      truncateSync(home.path, Math.floor(statSync(home.path).size / 2) + 100);
      assert.ok((await mended(home)) > ITEMS / 10);
    }));

  it('keeps all items but those in the pages that are gone', () =>
    withQueue(async (home) => {
      const pages = statSync(home.path).size / PAGE_BYTES;
      overwrite(home.path, Math.floor(pages / 3) * PAGE_BYTES, Buffer.alloc(2 * PAGE_BYTES, 0xa5));
      assert.ok((await mended(home)) > ITEMS / 2);
    }));

  it('finds what lies between two gaps, also when the last id that it remembers is too small', () =>
    withQueue(async (home) => {
      const database = new DatabaseSync(home.path);
      database.exec(`UPDATE sqlite_sequence SET seq = 1 WHERE name = 'item'`);
      database.close();
      const pages = statSync(home.path).size / PAGE_BYTES;
      for (const share of [0.2, 0.6])
        overwrite(home.path, Math.floor(pages * share) * PAGE_BYTES, Buffer.alloc(PAGE_BYTES, 0xa5));
      assert.ok((await mended(home)) > (ITEMS * 9) / 10);
    }));

  it(`of which any pages are gone opens, ${ROUNDS} times`, async () => {
    const random = randomFromSeed(SEED);
    for (let round = 0; round < ROUNDS; round++)
      await withQueue(async ({ path, open }) => {
        const pages = statSync(path).size / PAGE_BYTES;
        for (let torn = 0; torn < 3; torn++) {
          const page = Math.floor(random() * pages);
          const bytes = Buffer.from(Array.from({ length: PAGE_BYTES }, () => Math.floor(random() * 256)));
          overwrite(path, page * PAGE_BYTES, bytes);
        }
        const queue = await open();
        const numbers = await numbersIn(queue);
        assert.equal(new Set(numbers).size, numbers.length);
        await accept(queue, ITEMS);
        assert.ok((await numbersIn(queue)).includes(ITEMS));
        await queue.close();
      });
  });

  it('that is no database any more begins anew', () =>
    withQueue(async (home) => {
      overwrite(home.path, 0, Buffer.alloc(PAGE_BYTES, 'not a database '));
      assert.equal(await mended(home), 0);
    }));

  it('that is empty beside its log is not taken for a new one', () =>
    withQueue(async (home) => {
      truncateSync(home.path, 0);
      writeFileSync(`${home.path}-wal`, Buffer.alloc(PAGE_BYTES, 'w'));
      assert.equal(await mended(home), 0);
      assert.equal(statSync(`${home.path}.damaged-wal`).size, PAGE_BYTES);
    }));

  it('is there when its mending was cut short', () =>
    withQueue(async ({ path, said, open }) => {
      renameSync(path, `${path}.mended`);
      const queue = await open();
      assert.equal((await numbersIn(queue)).length, ITEMS);
      await queue.close();
      assert.deepEqual(said, []);
    }));

  it('drops an item whose detail has changed, and works on the others', () =>
    withQueue(async ({ path, said, open }) => {
      const database = new DatabaseSync(path);
      database.exec(`UPDATE item SET detail = '{"n":' WHERE id = 3`);
      database.close();
      const queue = await open();
      assert.equal((await numbersIn(queue)).length, ITEMS - 1);
      assert.deepEqual(said, [`event queue ${path}: an item of f is dropped: it is damaged`]);
      assert.equal((await queue.lines())[0]?.count, ITEMS - 1);
      await queue.close();
    }));
});
