/** Both searches against one that looks at each byte. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainSearch } from './plain-bytes.ts';
import { openPlainScan } from './plain-scan.ts';

const scan = openPlainScan();
assert.ok(scan, 'this processor has vectors');
const searches = { scan: plainSearch(scan), words: plainSearch(undefined) };

function plainly(bytes: Uint8Array, from: number): number {
  const at = bytes.subarray(from).findIndex((byte) => byte < 0x20 || byte === 0x22 || byte === 0x5c);
  return at < 0 ? bytes.length : from + at;
}

for (const [name, search] of Object.entries(searches)) {
  test(`${name}: every byte is plain or not, wherever it stands among plain ones`, () => {
    for (let byte = 0; byte < 0x100; byte++)
      for (let at = 0; at < 140; at++) {
        const bytes = Buffer.alloc(150, 0xe9);
        bytes[at] = byte;
        assert.equal(search(bytes, 0), plainly(bytes, 0), `${byte} at ${at}`);
      }
  });

  test(`${name}: the first of several is found, from any place on, in a part of a buffer`, () => {
    const whole = Buffer.alloc(400, 'x');
    for (const at of [3, 63, 64, 65, 127, 128, 200, 399]) whole[at] = 0x22;
    for (let start = 0; start < 20; start++) {
      const bytes = whole.subarray(start);
      for (let from = 0; from <= bytes.length; from++)
        assert.equal(search(bytes, from), plainly(bytes, from), `${start} ${from}`);
    }
  });

  test(`${name}: the pieces of a long one are seen to their last byte`, () => {
    for (const bytes of [
      511, 512, 513, 575, 576, 577, 4_607, 4_608, 4_609, 37_376, 70_144, 70_145, 200_000, 1_000_001,
    ]) {
      const text = Buffer.alloc(bytes, 'x');
      assert.equal(search(text, 0), bytes);
      for (const back of [1, 2, 63, 64, 65, 128, 129]) {
        const odd = Buffer.from(text);
        odd[bytes - back] = 0x1f;
        assert.equal(search(odd, 0), bytes - back, `${bytes} ${back}`);
      }
    }
  });
}
