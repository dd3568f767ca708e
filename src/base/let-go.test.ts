import assert from 'node:assert/strict';
import { test } from 'node:test';
import { borrow, letGo, letGoWhenWritten, roomOf } from './let-go.ts';

const LARGE_BYTES = 1_000_000;

test('a large buffer is freed at once, a small one and a part of one are left alone', () => {
  const large = Buffer.alloc(LARGE_BYTES);
  const small = new Uint8Array(10);
  const part = new Uint8Array(2 * LARGE_BYTES).subarray(0, LARGE_BYTES);
  for (const bytes of [large, small, part]) letGo(bytes);
  assert.deepEqual([large.length, small.length, part.length], [0, 10, LARGE_BYTES]);
});

test('what writes have borrowed is freed when the last of them returns it', () => {
  const bytes = Buffer.alloc(LARGE_BYTES, 'x');
  const first = borrow(bytes);
  const second = borrow(bytes);
  first?.();
  letGo(bytes);
  assert.equal(bytes.length, LARGE_BYTES);
  assert.equal(bytes[LARGE_BYTES - 1], 0x78);
  second?.();
  assert.equal(bytes.length, 0);
});

test('what is returned before it is let go of stays until then', () => {
  const bytes = Buffer.alloc(LARGE_BYTES);
  borrow(bytes)?.();
  assert.equal(bytes.length, LARGE_BYTES);
  letGo(bytes);
  assert.equal(bytes.length, 0);
});

test('what is still to be written is freed behind that write', () => {
  const bytes = Buffer.alloc(LARGE_BYTES);
  letGoWhenWritten(bytes);
  assert.equal(bytes.length, LARGE_BYTES);
  borrow(bytes)?.();
  assert.equal(bytes.length, 0);
});

test('what is let go of a room is gone for who had it, and the next of its size is made of the same memory', () => {
  const first = roomOf(LARGE_BYTES).fill('x');
  const part = first.subarray(0, 10);
  letGo(part);
  assert.equal(first.length, LARGE_BYTES);
  letGo(first);
  assert.deepEqual([first.length, part.length], [0, 0]);
  const next = roomOf(LARGE_BYTES - 1);
  assert.equal(next.length, LARGE_BYTES - 1);
  assert.equal(next.toString('latin1', 0, 3), 'xxx');
  const other = roomOf(LARGE_BYTES);
  next.fill('y');
  other.fill('z');
  assert.equal(next[0], 0x79);
  for (const room of [next, other]) letGo(room);
});

test('a room that writes have borrowed belongs to nobody else before they return it', () => {
  const room = roomOf(LARGE_BYTES).fill('a');
  const written = borrow(room);
  letGo(room);
  const other = roomOf(LARGE_BYTES).fill('b');
  assert.equal(room.toString('latin1', 0, 3), 'aaa');
  written?.();
  assert.equal(room.length, 0);
  letGo(other);
});

test('no more is kept of rooms than its limit, the latest', () => {
  const many = Array.from({ length: 40 }, () => roomOf(LARGE_BYTES).fill('old'));
  for (const room of many) letGo(room);
  const large = roomOf(7_000_000).fill('new');
  letGo(large);
  const again = roomOf(7_000_000);
  assert.equal(again.toString('latin1', 0, 3), 'new');
  letGo(again);
  // A larger one than is kept at all.
  const huge = roomOf(20_000_000);
  letGo(huge);
  assert.equal(huge.length, 0);
  assert.equal(roomOf(20_000_000).length, 20_000_000);
});
