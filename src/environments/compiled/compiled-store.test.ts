import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readCompiledFiles } from './compiled-files.ts';
import { CompiledStore } from './compiled-store.ts';

const TAG = 'v24.21.0-x64-1c717fce';
const keyOf = (digit: string) => digit.repeat(64);
const filesOf = (bytes: number) => ({ tag: TAG, files: [{ name: '0000000a', content: Buffer.alloc(bytes, 1) }] });

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'lambdad-compiled-'));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('what was used longest ago goes when there is too much', async () => {
  await inFolder(async (folder) => {
    const store = await CompiledStore.open(folder, Date.now, 250);
    for (const digit of ['a', 'b']) await store.keep(keyOf(digit), filesOf(100));
    await store.keep(keyOf('c'), undefined);
    assert.notEqual(store.find(keyOf('a')), undefined);
    await store.keep(keyOf('d'), filesOf(100));
    assert.equal(store.find(keyOf('b')), undefined);
    assert.equal(store.find(keyOf('c'))?.path, undefined);
    assert.equal(store.bytes, 200);
    assert.deepEqual(
      readdirSync(folder).map((name) => name[0]),
      ['a', 'c', 'd'],
    );
    // The same key again takes the place of what it had.
    await store.keep(keyOf('d'), filesOf(100));
    assert.equal(store.bytes, 200);
  });
});

test('another server finds it again, and removes what does not belong there', async () => {
  await inFolder(async (folder) => {
    const store = await CompiledStore.open(folder, Date.now);
    await store.keep(keyOf('a'), filesOf(100));
    writeFileSync(join(folder, 'something'), '');
    const next = await CompiledStore.open(folder, Date.now);
    const found = next.find(keyOf('a'));
    assert.ok(found?.path);
    assert.equal(next.bytes, 100);
    assert.equal(readdirSync(folder).length, 1);
    next.linkFor(found, 993);
    next.linkFor(found, 993);
    assert.deepEqual(readFileSync(join(found.path, `${TAG}-993`, '0000000a')), Buffer.alloc(100, 1));
    for (let userId = 1000; userId < 1500; userId++) next.linkFor(found, userId);
    assert.ok(readdirSync(found.path).length < 100);
  });
});

test('what cannot be written as a whole leaves nothing', async () => {
  await inFolder(async (folder) => {
    const store = await CompiledStore.open(folder, Date.now);
    const [file] = filesOf(100).files;
    const tooLong = { name: 'a'.repeat(1000), content: Buffer.alloc(1) };
    await assert.rejects(store.keep(keyOf('a'), { tag: TAG, files: [file, tooLong].flatMap((one) => one ?? []) }));
    assert.equal(store.find(keyOf('a')), undefined);
    assert.deepEqual([readdirSync(folder), store.bytes], [[], 0]);
  });
});

test('only what is plainly a set of files is taken', () => {
  const handed = (head: unknown, body = 'content') => Buffer.from(`${JSON.stringify(head)}\n${body}`);
  assert.deepEqual(readCompiledFiles(handed({ tag: TAG, files: [['0000000a', 7]] })), {
    tag: TAG,
    files: [{ name: '0000000a', content: Buffer.from('content') }],
  });
  const hostile: readonly Buffer[] = [
    Buffer.alloc(0),
    Buffer.from('no line'),
    Buffer.from('null\n'),
    Buffer.from('{\n'),
    handed({ tag: '../../elsewhere', files: [] }, ''),
    handed({ tag: TAG, files: {} }, ''),
    handed({ tag: TAG, files: [null] }),
    handed({ tag: TAG, files: [['../0000000a', 7]] }),
    handed({ tag: TAG, files: [['0000000a', 8]] }),
    handed({ tag: TAG, files: [['0000000a', 6]] }),
    handed({ tag: TAG, files: [['0000000a', -7]] }),
    handed({ tag: TAG, files: [['0000000a', '7']] }),
    handed({
      tag: TAG,
      files: [
        ['0000000a', 3],
        ['0000000a', 4],
      ],
    }),
  ];
  for (const bytes of hostile) assert.equal(readCompiledFiles(bytes), undefined, bytes.toString());
});
