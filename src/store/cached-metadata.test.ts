import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Deferred, deferred } from '../base/deferred.ts';
import { cachedMetadata } from './cached-metadata.ts';
import {
  type Change,
  type MetadataStore,
  type RecordKey,
  RevisionConflict,
  type StoredRecord,
  StoreFull,
} from './metadata.ts';

const place = { account: '123456789012', region: 'eu-central-1', kind: 'function' } as const;

function key(id: string): RecordKey {
  return { ...place, id };
}

function record(id: string, revision: number): StoredRecord {
  return { ...key(id), revision, body: { revision } };
}

function put(id: string, revision: number): Change {
  return { type: 'put', key: key(id), body: { revision } };
}

interface Asked {
  readonly what: string;
  readonly answer: Deferred<unknown>;
}

/** A store that answers when the test says so, and with what the test says. */
function slowStore() {
  const asked: Asked[] = [];
  function ask<T>(what: string): Promise<T> {
    const answer = deferred<unknown>();
    asked.push({ what, answer });
    return answer.promise as Promise<T>;
  }
  const store: MetadataStore = {
    get: ({ id }) => ask(`get ${id}`),
    list: () => ask('list'),
    scan: () => ask('scan'),
    commit: (changes) => ask(`commit ${changes.map(({ key: { id } }) => id)}`),
    close: async () => {},
  };
  /** Takes the oldest unanswered question of this text. */
  function take(what: string): Deferred<unknown> {
    const at = asked.findIndex((each) => each.what === what);
    assert.notEqual(at, -1, `nobody asked ${what}, but ${asked.map((each) => each.what)}`);
    return (asked.splice(at, 1)[0] as Asked).answer;
  }
  return { store, take, asked };
}

describe('metadata behind the cache', () => {
  it('remembers what it has read, and asks the store once', async () => {
    const { store, take, asked } = slowStore();
    const cached = cachedMetadata(store, 10);
    assert.equal(cached.peek(key('a')), undefined);
    const reading = cached.get(key('a'));
    take('get a').resolve(record('a', 1));
    assert.deepEqual(await reading, record('a', 1));
    assert.deepEqual(cached.peek(key('a')), record('a', 1));
    assert.deepEqual(await cached.get(key('a')), record('a', 1));
    assert.equal(asked.length, 0);
  });

  it('does not remember that there was nothing', async () => {
    const { store, take } = slowStore();
    const cached = cachedMetadata(store, 10);
    const first = cached.get(key('a'));
    take('get a').resolve(undefined);
    assert.equal(await first, undefined);
    const second = cached.get(key('a'));
    take('get a').resolve(record('a', 1));
    assert.equal((await second)?.revision, 1);
  });

  it('shows a commit only once it is acknowledged', async () => {
    const { store, take } = slowStore();
    const cached = cachedMetadata(store, 10);
    const first = cached.commit([put('a', 1)]);
    assert.equal(cached.peek(key('a')), undefined);
    take('commit a').resolve([1]);
    await first;
    assert.deepEqual(cached.peek(key('a')), record('a', 1));
    const second = cached.commit([put('a', 2)]);
    assert.equal(cached.peek(key('a'))?.revision, 1);
    take('commit a').resolve([2]);
    await second;
    assert.deepEqual(cached.peek(key('a')), record('a', 2));
  });

  it('never lets a read that raced with a commit put the older record back', async () => {
    const { store, take } = slowStore();
    const cached = cachedMetadata(store, 10);
    const reading = cached.get(key('a'));
    const listing = cached.list({ ...place, limit: 10 });
    const committing = cached.commit([put('a', 2)]);
    take('commit a').resolve([2]);
    await committing;
    take('get a').resolve(record('a', 1));
    take('list').resolve([record('a', 1), record('b', 1)]);
    assert.equal((await reading)?.revision, 1, 'the caller gets what was true when it asked');
    await listing;
    assert.equal(cached.peek(key('a'))?.revision, 2);
    assert.equal(cached.peek(key('b'))?.revision, 1, 'what the commit did not touch is remembered');
  });

  it('never brings a deleted record back', async () => {
    const { store, take } = slowStore();
    const cached = cachedMetadata(store, 10);
    for (const change of [
      { type: 'delete', key: key('a') },
      { type: 'deletePrefix', key: key('') },
    ] as const) {
      const reading = cached.get(key('a'));
      const committing = cached.commit([change]);
      take(`commit ${change.key.id}`).resolve([0]);
      await committing;
      take('get a').resolve(record('a', 1));
      await reading;
      assert.equal(cached.peek(key('a')), undefined);
    }
  });

  it('remembers neither of two commits on their way together that settle in the wrong order', async () => {
    const { store, take } = slowStore();
    const cached = cachedMetadata(store, 10);
    const first = cached.commit([put('a', 1)]);
    const second = cached.commit([put('a', 2)]);
    const [answerFirst, answerSecond] = [take('commit a'), take('commit a')];
    answerSecond.resolve([2]);
    await second;
    answerFirst.resolve([1]);
    await first;
    assert.equal(cached.peek(key('a')), undefined);
  });

  it('drops what begins with the prefix and nothing else', async () => {
    const { store, take } = slowStore();
    const cached = cachedMetadata(store, 10);
    const elsewhere = { ...key('f:1'), region: 'us-east-1' };
    const filling = cached.commit([
      put('f:1', 1),
      put('f:2', 1),
      put('f', 1),
      { type: 'put', key: elsewhere, body: {} },
    ]);
    take('commit f:1,f:2,f,f:1').resolve([1, 1, 1, 1]);
    await filling;
    const dropping = cached.commit([{ type: 'deletePrefix', key: key('f:') }, put('f:3', 1)]);
    assert.ok(cached.peek(key('f:1')));
    take('commit f:,f:3').resolve([0, 1]);
    await dropping;
    assert.deepEqual(
      [key('f:1'), key('f:2'), key('f'), key('f:3'), elsewhere].map((each) => cached.peek(each) !== undefined),
      [false, false, true, true, true],
    );
  });

  it('keeps what it knows when nothing was done, and forgets it when nobody knows', async () => {
    const { store, take } = slowStore();
    const cached = cachedMetadata(store, 10);
    const kept: boolean[] = [];
    for (const error of [new StoreFull('full'), new RevisionConflict(key('a')), new Error('the thread ended')]) {
      const filling = cached.commit([put('a', 1)]);
      take('commit a').resolve([1]);
      await filling;
      const failing = cached.commit([put('a', 2)]);
      take('commit a').reject(error);
      await assert.rejects(failing, error);
      kept.push(cached.peek(key('a')) !== undefined);
    }
    assert.deepEqual(kept, [true, false, false]);
  });

  it('forgets the record used longest ago, and lets listings fill only room that is free', async () => {
    const { store, take } = slowStore();
    const cached = cachedMetadata(store, 3);
    const filling = cached.commit([put('a', 1), put('b', 1)]);
    take('commit a,b').resolve([1, 1]);
    await filling;
    const listing = cached.scan('function', undefined, 10);
    take('scan').resolve([record('c', 1), record('d', 1)]);
    await listing;
    assert.equal(cached.peek(key('d')), undefined);
    assert.ok(cached.peek(key('c')) && cached.peek(key('a')));
    const reading = cached.get(key('e'));
    take('get e').resolve(record('e', 1));
    await reading;
    assert.deepEqual(
      ['a', 'b', 'c', 'e'].map((id) => cached.peek(key(id)) !== undefined),
      [true, false, true, true],
    );
  });

  it('is not changed by what a caller does to its objects', async () => {
    const { store, take } = slowStore();
    const cached = cachedMetadata(store, 10);
    const body = { tags: { team: 'one' } };
    const committing = cached.commit([{ type: 'put', key: key('a'), body }]);
    body.tags.team = 'two';
    take('commit a').resolve([1]);
    await committing;
    const seen = cached.peek(key('a'))?.body as typeof body;
    assert.equal(seen.tags.team, 'one');
    assert.throws(() => {
      seen.tags.team = 'three';
    }, TypeError);
  });
});
