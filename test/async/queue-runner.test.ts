/** One owner's flood beside the others: who gets a place, how wide a line becomes, and what is said of a store that fails. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { limitedNote } from '../../src/invoke/limited-note.ts';
import type { HeldItem } from '../../src/invoke/queue-line.ts';
import { QueueRunner, type RunnerOptions, type Step } from '../../src/invoke/queue-runner.ts';
import type { EventQueue, ItemOwner } from '../../src/store/event-queue.ts';
import { memoryEventQueue } from '../support/memory-event-queue.ts';
import { JumpingClock } from './jumping-clock.ts';

const PLACE = { account: '123456789012', region: 'eu-central-1' };
const owner = (functionName: string): ItemOwner => ({ ...PLACE, functionName });
const DONE: Step = { type: 'end', following: [] };

interface World {
  readonly clock: JumpingClock;
  readonly queue: EventQueue;
  readonly runner: QueueRunner;
  /** Names of the owners whose items were begun. */
  readonly begun: string[];
  add(functionName: string, count?: number): Promise<void>;
  /** Lets everything happen that happens within so many milliseconds. */
  pass(ms: number): Promise<void>;
}

function makeWorld(work: (held: HeldItem) => Promise<Step>, more: Partial<RunnerOptions> = {}): World {
  const clock = new JumpingClock();
  const queue = memoryEventQueue().open();
  const begun: string[] = [];
  const runner = new QueueRunner({
    queue,
    lane: 'event',
    clock,
    work: (held) => {
      begun.push(held.item.functionName);
      return work(held);
    },
    followed: () => {},
    lineRunningMin: 2,
    lineRunningMax: 512,
    idleShare: () => 1,
    note: () => {},
    ...more,
  });
  runner.start([]);
  return {
    clock,
    queue,
    runner,
    begun,
    async add(functionName, count = 1) {
      const nowMs = clock.now();
      const payload = Buffer.from('{}');
      for (let n = 0; n < count; n++) {
        await queue.accept({ ...owner(functionName), lane: 'event', bornMs: nowMs, dueMs: nowMs, detail: {}, payload });
        runner.accepted(owner(functionName), nowMs);
      }
      await turn();
    },
    async pass(ms) {
      const untilMs = clock.now() + ms;
      void clock.after(ms, () => {});
      while (clock.now() < untilMs && clock.jump()) await turn();
      await turn();
    },
  };
}

const forever = () => new Promise<never>(() => {});
const countOf = (begun: readonly string[], name: string) => begun.filter((one) => one === name).length;

describe('lines of the event queue', { timeout: 20_000 }, () => {
  it('begin with few at once, and become wider while the machine is idle', async () => {
    const world = makeWorld(forever, { lineRunningMax: 16 });
    await world.add('a', 100);
    assert.equal(world.begun.length, 2);
    await world.pass(250);
    assert.equal(world.begun.length, 4);
    await world.pass(2000);
    assert.equal(world.begun.length, 16);
  });

  it('stay as they are while the machine is busy', async () => {
    const world = makeWorld(forever, { idleShare: () => 0 });
    await world.add('a', 100);
    await world.pass(5000);
    assert.equal(world.begun.length, 2);
  });

  it('leave room for others, however many of one flood never end', async () => {
    const world = makeWorld(({ item }) => (item.functionName === 'flood' ? forever() : Promise.resolve(DONE)));
    await world.add('flood', 1000);
    await world.pass(10_000);
    assert.equal(countOf(world.begun, 'flood'), 256);
    for (let n = 0; n < 100; n++) {
      await world.add(`victim-${n}`, 3);
      await world.pass(1);
      assert.equal(countOf(world.begun, `victim-${n}`), 3);
    }
  });

  it('narrow when they are told to slow down, and do nothing for a moment', async () => {
    let slow = true;
    const later = (held: HeldItem): Step => ({ type: 'later', dueMs: held.bornMs + 60_000, detail: {}, slower: true });
    const world = makeWorld(async (held) => (slow ? later(held) : await forever()));
    await world.add('a', 50);
    assert.ok(world.begun.length <= 2, `${world.begun.length} were begun`);
    slow = false;
    const before = world.begun.length;
    await world.pass(1000);
    assert.equal(world.begun.length, before + 1);
  });

  it('keep what was done until it can be written, and do it once', async () => {
    const notes: string[] = [];
    const world = makeWorld(async () => DONE, { note: (line) => void notes.push(line) });
    const end = world.queue.end.bind(world.queue);
    Object.assign(world.queue, { end: () => Promise.reject(new Error('no room')) });
    await world.add('a');
    await world.pass(10_000);
    assert.deepEqual([world.begun.length, world.runner.count(owner('a'))], [1, 1]);
    assert.deepEqual(notes, ['asynchronous invokes wait for their store: no room']);
    Object.assign(world.queue, { end });
    await world.pass(2000);
    assert.deepEqual([world.begun.length, world.runner.count(owner('a'))], [1, 0]);
    assert.deepEqual(await world.queue.lines(), []);
  });

  it('begin no more than a few while nothing can be written', async () => {
    const world = makeWorld(async () => DONE);
    const end = world.queue.end.bind(world.queue);
    Object.assign(world.queue, { end: () => Promise.reject(new Error('no room')) });
    await world.add('a', 50);
    await world.pass(20_000);
    assert.equal(world.begun.length, 2);
    Object.assign(world.queue, { end });
    await world.pass(2000);
    assert.deepEqual([world.begun.length, world.runner.count(owner('a'))], [50, 0]);
  });

  it('begin nothing once they are closed', async () => {
    const world = makeWorld(forever);
    void world.runner.close();
    await world.add('a', 3);
    await world.pass(1000);
    assert.deepEqual(world.begun, []);
  });
});

describe('notes of the event queue', () => {
  it('are twenty a minute, and the rest is counted', async () => {
    const clock = new JumpingClock();
    const lines: string[] = [];
    const note = limitedNote((line) => void lines.push(line), clock);
    for (let n = 0; n < 50; n++) note(`${n}`);
    assert.equal(lines.length, 20);
    void clock.after(60_000, () => {});
    clock.jump();
    note('later');
    assert.deepEqual(lines.slice(20), ['30 more lines like these were left out', 'later']);
  });
});
