import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { lstat, mkdtemp, readFile, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { unpackZip } from '../../src/packages/unpack.ts';
import { readZip } from '../../src/packages/zip.ts';
import { rejects } from '../support/function-world.ts';
import { type RawEntry, rawZip } from '../support/raw-zip.ts';
import { zipOf } from '../support/zip.ts';

const BAD = 'Could not unzip uploaded file. Please check your file, then try to upload again.';
const LIMIT = 262_144_000;

async function readAll(zip: Uint8Array, limit = LIMIT): Promise<string[]> {
  const paths: string[] = [];
  await readZip(zip, limit, async (entry) => {
    paths.push(entry.path);
    if (entry.kind === 'file') for await (const _ of entry.content);
  });
  return paths;
}

describe('a zip that is taken', { timeout: 10_000 }, () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'lambdad-zip-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it('comes out with content, links and modes, whatever the umask', async () => {
    const large = Buffer.alloc(3_000_000, 'large ');
    const zip = await zipOf({
      bootstrap: { content: '#!/bin/sh', mode: 0o700 },
      'lib/a.js': { content: 'a', mode: 0o600 },
      'lib/large.bin': large,
      'bin/a': { linkTo: '../lib/a.js' },
    });
    const umask = process.umask(0o077);
    try {
      await unpackZip(zip, LIMIT, root);
    } finally {
      process.umask(umask);
    }
    const mode = async (path: string) => (await stat(join(root, path))).mode & 0o777;
    assert.equal(await mode('bootstrap'), 0o755);
    assert.equal(await mode('lib/a.js'), 0o644);
    assert.equal(await mode('lib'), 0o755);
    assert.equal(await mode('.'), 0o755);
    assert.deepEqual(await readFile(join(root, 'lib/large.bin')), large);
    assert.equal(await readlink(join(root, 'bin/a')), '../lib/a.js');
    assert.equal(await readFile(join(root, 'bin/a'), 'utf8'), 'a');
  });

  it('may have been made on Windows, list its directories, and begin its names with ./', async () => {
    const zip = rawZip([
      { name: './', mode: 0 },
      { name: 'a/', mode: 0o040755, method: 0 },
      { name: './a//b.txt', content: 'b', mode: 0 },
      { name: 'a/', mode: 0o040755, method: 0 },
      { name: 'stored', content: 'c', method: 0 },
    ]);
    await unpackZip(zip, LIMIT, root);
    assert.equal(await readFile(join(root, 'a/b.txt'), 'utf8'), 'b');
    assert.equal(await readFile(join(root, 'stored'), 'utf8'), 'c');
    assert.ok((await lstat(join(root, 'a'))).isDirectory());
  });

  it('writes nothing outside, whatever the zip says', async () => {
    const outside = `${root}-outside`;
    const zip = rawZip([
      { name: 'link', content: outside, mode: 0o120777 },
      { name: 'link/file', content: 'x' },
    ]);
    await rejects(unpackZip(zip, LIMIT, root), 'InvalidParameterValueException', BAD);
    assert.equal(existsSync(outside), false);
  });
});

describe('a zip that is refused', { timeout: 10_000 }, () => {
  const bad: Readonly<Record<string, readonly RawEntry[]>> = {
    'an absolute path': [{ name: '/etc/passwd' }],
    'a path that leaves the root': [{ name: 'a/../../b' }],
    'a path with ..': [{ name: 'a/..' }],
    'a backslash': [{ name: 'a\\b' }],
    'a drive': [{ name: 'C:/b' }],
    'a NUL': [{ name: 'a\0b' }],
    'an empty name': [{ name: '' }],
    'a name too long for a file system': [{ name: 'a'.repeat(256) }],
    'a path too long': [{ name: 'a/'.repeat(1600) }],
    'the same file twice': [{ name: 'a' }, { name: 'a' }],
    'the same file in two spellings': [{ name: 'a/b' }, { name: './a/b' }],
    'a file where a directory is': [{ name: 'a/b' }, { name: 'a' }],
    'a directory where a file is': [{ name: 'a' }, { name: 'a/b' }],
    'a file beneath a link': [{ name: 'a', content: '.', mode: 0o120777 }, { name: 'a/b' }],
    'a character device': [{ name: 'a', mode: 0o020644 }],
    'a block device': [{ name: 'a', mode: 0o060644 }],
    'a fifo': [{ name: 'a', mode: 0o010644 }],
    'a socket': [{ name: 'a', mode: 0o140644 }],
    'a file named as a directory': [{ name: 'a/', mode: 0o120777, content: 'b' }],
    encryption: [{ name: 'a', flags: 1 }],
    'an unknown method': [{ name: 'a', method: 12 }],
    'a wrong checksum': [{ name: 'a', content: 'abc', claimedCrc: 1 }],
    'a size that is too small': [{ name: 'a', content: 'abc', claimedBytes: 2 }],
    'a size that is too large': [{ name: 'a', content: 'abc', claimedBytes: 4 }],
    'a large file that claims less': [{ name: 'a', content: Buffer.alloc(2_000_000), claimedBytes: 1_900_000 }],
    'a large file with a wrong checksum': [{ name: 'a', content: Buffer.alloc(2_000_000), claimedCrc: 1 }],
    'an absolute link': [{ name: 'a', content: '/etc/passwd', mode: 0o120777 }],
    'a link that leaves the root': [{ name: 'a/b', content: '../../c', mode: 0o120777 }],
    'an empty link': [{ name: 'a', mode: 0o120777 }],
    'links in a circle': [
      { name: 'a', content: 'b/x', mode: 0o120777 },
      { name: 'b', content: 'a/x', mode: 0o120777 },
    ],
    'links that leave the root together': [
      { name: 'p/q/r', content: '../..', mode: 0o120777 },
      { name: 's', content: 'p/q/r/../x', mode: 0o120777 },
    ],
  };
  for (const [fault, entries] of Object.entries(bad))
    it(fault, () => rejects(readAll(rawZip(entries)), 'InvalidParameterValueException', BAD));

  it('no zip, half a zip, and a zip whose data is garbage', async () => {
    const good = await zipOf({ 'a.js': 'a'.repeat(1000) });
    const garbled = Buffer.from(good);
    garbled.fill(0xff, 34, 40);
    for (const zip of [Buffer.from('hello'), good.subarray(0, -10), garbled])
      await rejects(readAll(zip), 'InvalidParameterValueException', BAD);
  });

  it('an empty one', async () => {
    for (const zip of [new Uint8Array(), rawZip([])])
      await rejects(readAll(zip), 'InvalidParameterValueException', 'Uploaded file must be a non-empty zip');
  });

  it('one that would not fit, counted over all entries', async () => {
    const zip = await zipOf({ a: Buffer.alloc(600), b: Buffer.alloc(400) });
    assert.deepEqual(await readAll(zip, 1000), ['a', 'b']);
    await rejects(readAll(zip, 999), 'InvalidParameterValueException', 'Unzipped size must be smaller than 999 bytes');
  });

  it('one that asks for directories without end', async () => {
    const entries = Array.from({ length: 200 }, (_, index) => ({ name: `${index}/${'d/'.repeat(1400)}f`, method: 0 }));
    await rejects(readAll(rawZip(entries)), 'InvalidParameterValueException', BAD);
  });
});
