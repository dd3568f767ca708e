import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { RecordKey } from './metadata.ts';
import { RecordCache } from './record-cache.ts';

function key(id: string): RecordKey {
  return { account: '123456789012', region: 'eu-central-1', kind: 'version', id };
}

it('a record cache lets the oldest go when the texts are too long together', () => {
  const cache = new RecordCache(10, 100);
  const held = () => ['a', 'b', 'c'].filter((id) => cache.has(key(id))).join('');
  const set = (id: string, characters: number) => cache.set({ ...key(id), revision: 1, body: {} }, characters);
  set('a', 40);
  set('b', 40);
  assert.equal(held(), 'ab');
  set('c', 40);
  assert.equal(held(), 'bc');
  set('b', 10);
  set('a', 50);
  assert.equal(held(), 'abc');
  assert.ok(cache.isFull);
  cache.delete(key('c'));
  assert.ok(!cache.isFull);
  set('c', 101);
  assert.equal(held(), '');
});

it('a record cache keeps what a plain list in the order of use would keep', () => {
  const recordsMax = 5;
  const cache = new RecordCache(recordsMax);
  let plain: string[] = [];
  let state = 1;
  const next = (below: number) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
  for (let turn = 0; turn < 20_000; turn++) {
    const id = `${'ab'[next(2)]}${next(5)}`;
    const others = plain.filter((each) => each !== id);
    const what = next(20);
    if (what < 9) {
      assert.equal(cache.get(key(id))?.id, plain.includes(id) ? id : undefined);
      if (plain.includes(id)) plain = [...others, id];
    } else if (what < 17) {
      cache.set({ ...key(id), revision: turn, body: {} });
      assert.equal(cache.get(key(id))?.revision, turn);
      plain = [...others, id].slice(-recordsMax);
    } else if (what < 19) {
      cache.delete(key(id));
      plain = others;
    } else {
      cache.deletePrefix(key('a'));
      plain = plain.filter((each) => !each.startsWith('a'));
    }
    assert.equal(cache.isFull, plain.length === recordsMax);
    assert.equal(cache.has(key(id)), plain.includes(id));
  }
});
