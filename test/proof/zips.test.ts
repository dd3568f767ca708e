/** Packages that are made to do harm, by every operation that takes one, and valid ones spoiled by the thousand. */
import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pulseThreadPool } from '../../src/base/pool-pulse.ts';
import { ApiError } from '../../src/model/api-error.ts';
import { unpackZip } from '../../src/packages/unpack.ts';
import { createActive, makeWorld, ROLE, type World } from '../support/function-world.ts';
import { type RawEntry, rawZip, zip64 } from '../support/raw-zip.ts';
import { zipOf } from '../support/zip.ts';
import { caseSeed, Draw } from './draw.ts';
import { byExtent, proofSeed } from './extent.ts';

const UNZIPPED_BYTES_MAX = 2_000_000;
const MUTATIONS = byExtent({ reduced: 1_500, full: 20_000, longest: 200_000 });
const MINUTES_MAX = byExtent({ reduced: 1, full: 5, longest: 30 });
const LINK = 0o120777;
const REFUSED =
  /^(Could not unzip uploaded file|Unzipped size must be smaller than|Uploaded file must be a non-empty zip)/;

const zeros = (bytes: number) => Buffer.alloc(bytes);
const good: RawEntry = { name: 'index.js', content: 'exports.handler = async () => 1;' };
const nested = rawZip([{ name: 'a', content: zeros(3_000_000) }]);

const hostile: Readonly<Record<string, Buffer>> = {
  'a path upward': rawZip([good, { name: '../x', content: 'x' }]),
  'an absolute path': rawZip([good, { name: '/etc/x', content: 'x' }]),
  'an absolute link': rawZip([good, { name: 'l', content: '/etc', mode: LINK }]),
  'a link upward': rawZip([good, { name: 'l', content: '../..', mode: LINK }]),
  'a chain of links that leaves': rawZip([
    good,
    { name: 'a/b', content: '..', mode: LINK },
    { name: 'c', content: 'a/b/..', mode: LINK },
  ]),
  'a file through a link': rawZip([good, { name: 'l', content: '.', mode: LINK }, { name: 'l/x', content: 'x' }]),
  'links in a circle': rawZip([good, { name: 'a', content: 'b', mode: LINK }, { name: 'b', content: 'a', mode: LINK }]),
  'more bytes than allowed': rawZip([good, { name: 'z', content: zeros(3_000_000) }]),
  'more bytes than allowed, in many files': rawZip(
    Array.from({ length: 30 }, (_, at) => ({ name: `z${at}`, content: zeros(100_000) })),
  ),
  'more bytes than claimed': rawZip([good, { name: 'z', content: zeros(3_000_000), claimedBytes: 10 }]),
  'fewer bytes than claimed': rawZip([good, { name: 'z', content: 'z', claimedBytes: 100 }]),
  'entries that share their data': rawZip([
    { name: 'z', content: zeros(200_000) },
    ...Array.from({ length: 40 }, (_, at) => ({ name: `z${at}`, content: zeros(200_000), dataOf: 0 })),
  ]),
  'the same name twice': rawZip([good, { name: 'a' }, { name: 'a' }]),
  encryption: rawZip([good, { name: 'a', content: 'a', flags: 1 }]),
  'strong encryption': rawZip([good, { name: 'a', content: 'a', flags: 0x41 }]),
  'a name with NUL': rawZip([good, { name: 'a\0b' }]),
  'names that are no UTF-8, alike once read': rawZip([
    good,
    { name: Buffer.from([0x61, 0xff]) },
    { name: Buffer.from([0x61, 0xfe]) },
  ]),
  'ZIP64 with entries beyond all counting': zip64(rawZip([good]), { entries: 2n ** 63n }),
  'ZIP64 that leads nowhere': zip64(rawZip([good]), { directoryAt: 2n ** 62n }),
  'half a directory': rawZip([good, { name: 'b' }]).subarray(0, -40),
  'an end without a directory': rawZip([good]).subarray(-22),
  'no zip': Buffer.from('#!/bin/sh\nexit 0\n'),
};

const harmless: Readonly<Record<string, Buffer>> = {
  'names that differ in case alone': rawZip([good, { name: 'A.js', content: 'a' }, { name: 'a.js', content: 'b' }]),
  'ZIP64 of an honest kind': zip64(rawZip([good])),
  'a zip inside, however much it would hold': rawZip([good, { name: 'nested.zip', content: nested }]),
  'a name of its own in the local header': rawZip([{ ...good, localName: '../index.j' }]),
};

/** Every path below `root` with what is wrong about it. */
function wrongBelow(root: string): string[] {
  const wrong: string[] = [];
  let bytes = 0;
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isSymbolicLink()) {
      const target = relative(root, resolve(dirname(path), readlinkSync(path)));
      if (target.startsWith('..')) wrong.push(`${path} leads to ${target}`);
    } else if (entry.isFile()) bytes += lstatSync(path).size;
    else if (!entry.isDirectory()) wrong.push(`${path} is no file`);
  }
  return bytes > UNZIPPED_BYTES_MAX ? [...wrong, `${bytes} bytes`] : wrong;
}

function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && error.name === 'InvalidParameterValueException' && REFUSED.test(error.message);
}

describe('a package', () => {
  let world: World;

  before(async () => {
    world = await makeWorld({ limits: { codeSizeUnzippedBytes: UNZIPPED_BYTES_MAX } });
    await createActive(world, 'there');
  });
  after(() => world.close());

  /** What comes of it by each operation that takes packages. */
  async function byEveryWay(name: string, ZipFile: Buffer): Promise<readonly (string | undefined)[]> {
    const ways = [
      () =>
        world.call('CreateFunction', {
          FunctionName: `f-${name.replace(/\W/g, '-')}`,
          Runtime: 'nodejs24.x',
          Handler: 'index.handler',
          Role: ROLE,
          Code: { ZipFile },
        }),
      () => world.call('UpdateFunctionCode', { FunctionName: 'there', ZipFile }),
      () => world.call('PublishLayerVersion', { LayerName: 'l', Content: { ZipFile } }),
    ];
    const outcomes: (string | undefined)[] = [];
    for (const way of ways) {
      outcomes.push(
        await way().then(
          () => undefined,
          (error: unknown) => (isRefusal(error) ? 'refused' : String(error)),
        ),
      );
      await world.activation.idle();
    }
    return outcomes;
  }

  for (const [name, zip] of Object.entries(hostile))
    it(`with ${name} is refused`, async () => {
      assert.deepEqual(await byEveryWay(name, zip), ['refused', 'refused', 'refused']);
      const { Configuration } = await world.output('GetFunction', { FunctionName: 'there' });
      assert.equal(Configuration?.LastUpdateStatus, 'Successful');
    });

  for (const [name, zip] of Object.entries(harmless))
    it(`with ${name} is taken`, async () => {
      assert.deepEqual(await byEveryWay(name, zip), [undefined, undefined, undefined]);
    });

  it('that was refused leaves nothing in the folder', () => {
    assert.deepEqual(wrongBelow(world.directory), []);
    assert.deepEqual(world.reported, []);
  });
});

/** Changes a valid zip where it matters: mostly in its headers, now and then anywhere. */
function spoiled(draw: Draw, zip: Buffer): Buffer {
  let bytes = Buffer.from(zip);
  for (let count = draw.pick([1, 1, 2, 4]); count > 0; count--) {
    const marks = ['PK\x01\x02', 'PK\x03\x04', 'PK\x05\x06'].map((mark) =>
      bytes.indexOf(mark, draw.below(bytes.length), 'latin1'),
    );
    const mark = draw.pick(marks);
    const at = mark >= 0 && draw.chance(0.8) ? mark + draw.below(46) : draw.below(bytes.length);
    const how = draw.below(6);
    if (how === 0) bytes = bytes.subarray(0, at + 1);
    else if (how === 1) bytes = Buffer.concat([bytes.subarray(0, at), draw.bytes(draw.below(20)), bytes.subarray(at)]);
    else if (how === 2 && at + 4 <= bytes.length)
      bytes.writeUInt32LE(draw.pick([0, 1, 0x7fffffff, 0xffffffff, bytes.length]), at);
    else if (at < bytes.length)
      bytes[at] = draw.chance(0.5) ? draw.below(256) : (bytes[at] ?? 0) ^ (1 << draw.below(8));
  }
  return bytes;
}

describe(`${MUTATIONS} spoiled packages`, () => {
  it('are refused, or unpack to nothing but files and links inside', { timeout: MINUTES_MAX * 60_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lambdad-zips-'));
    const sources = [
      await zipOf({
        'index.js': 'x'.repeat(400),
        'lib/a': 'a',
        'lib/b': { linkTo: 'a' },
        'lib/c': { linkTo: '../index.js' },
      }),
      rawZip([good, { name: '../../../up', content: 'x' }, { name: 'l', content: '../../..', mode: LINK }]),
      zip64(rawZip([good, { name: 'big', content: zeros(1_100_000) }])),
    ];
    let taken = 0;
    pulseThreadPool(); // as every server does
    try {
      for (let at = 0; at < MUTATIONS; at++) {
        const seed = caseSeed(proofSeed, at);
        const draw = new Draw(seed);
        const zip = spoiled(draw, draw.pick(sources));
        const root = join(folder, 'deep', 'deeper', 'root');
        mkdirSync(root, { recursive: true });
        try {
          await unpackZip(zip, UNZIPPED_BYTES_MAX, root);
          taken++;
        } catch (error) {
          assert.ok(isRefusal(error), `seed ${seed}: ${error instanceof Error ? error.stack : error}`);
        }
        assert.deepEqual(wrongBelow(root), [], `seed ${seed}`);
        rmSync(root, { recursive: true });
        assert.deepEqual(readdirSync(folder, { recursive: true }).sort(), ['deep', 'deep/deeper'], `seed ${seed}`);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    assert.ok(taken > 0 && taken < MUTATIONS, `${taken} taken`);
  });
});
