import assert from 'node:assert/strict';
import { test } from 'node:test';
import { borrow, letGo, letGoWhenWritten } from './let-go.ts';

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
