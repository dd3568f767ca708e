import assert from 'node:assert/strict';
import { lstat, mkdir, readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { readFunction } from '../../src/functions/keys.ts';
import { layeredName } from '../../src/packages/layered-folder.ts';
import { ACCOUNT, createActive, makeWorld, REGION, type World } from '../support/function-world.ts';
import { type ZipEntry, zipOf } from '../support/zip.ts';

const SIXTEEN_MINUTES_MS = 16 * 60_000;

describe('packages laid over each other', { timeout: 20_000 }, () => {
  let world: World;
  beforeEach(async () => {
    world = await makeWorld();
  });
  afterEach(() => world.close());

  const store = async (files: Readonly<Record<string, ZipEntry>>) =>
    (await world.packages.store(await zipOf(files))).sha256;
  const lay = async (...layers: Readonly<Record<string, ZipEntry>>[]) => {
    const digests: string[] = [];
    for (const files of layers) digests.push(await store(files));
    return world.packages.unpackLayers(digests);
  };
  const read = (...path: string[]) => readFile(join(...path), 'utf8');

  it('show the later file of two and everything else of both', async () => {
    const folder = await lay(
      { 'bin/run': { content: 'old', mode: 0o755 }, 'lib/a': 'a', 'lib/deep/b': 'b1' },
      { 'bin/run': { content: 'new', mode: 0o755 }, 'lib/deep/b': 'b2', 'lib/deep/c': 'c' },
    );
    assert.equal(await read(folder, 'bin/run'), 'new');
    assert.equal((await stat(join(folder, 'bin/run'))).mode & 0o777, 0o755);
    assert.equal(await read(folder, 'lib/a'), 'a');
    assert.equal(await read(folder, 'lib/deep/b'), 'b2');
    assert.deepEqual((await readdir(join(folder, 'lib/deep'))).sort(), ['b', 'c']);
    assert.equal((await stat(folder)).mode & 0o777, 0o755);
  });

  it('depend on their order, and are laid once for all who ask', async () => {
    const one = await store({ x: 'one' });
    const two = await store({ x: 'two' });
    const [forth, again, back] = await Promise.all([
      world.packages.unpackLayers([one, two]),
      world.packages.unpackLayers([one, two]),
      world.packages.unpackLayers([two, one]),
    ]);
    assert.equal(forth, again);
    assert.equal(forth, join(world.directory, layeredName([one, two])));
    assert.equal(await read(forth, 'x'), 'two');
    assert.equal(await read(back, 'x'), 'one');
    assert.equal(await world.packages.unpackLayers([one]), await world.packages.unpack(one));
  });

  it('replace files by directories, directories by files, and write through no link', async () => {
    const folder = await lay(
      { 'a/b': 'file in a', c: 'file c', 'real/x': 'x1', l: { linkTo: 'real' } },
      { a: 'file a', 'c/d': 'file in c', 'l/x': 'x2', 'real/y': { linkTo: 'x' } },
    );
    assert.equal(await read(folder, 'a'), 'file a');
    assert.equal(await read(folder, 'c/d'), 'file in c');
    assert.ok((await lstat(join(folder, 'l'))).isDirectory());
    assert.equal(await read(folder, 'l/x'), 'x2');
    assert.equal(await read(folder, 'real/x'), 'x1');
    assert.equal(await readlink(join(folder, 'real/y')), 'x');
  });

  it('leave nothing behind when one is missing', async () => {
    const one = await store({ x: 'one' });
    await assert.rejects(world.packages.unpackLayers([one, '0'.repeat(64)]), /is missing or damaged/);
    assert.deepEqual(await readdir(world.directory), [one]);
    // As a server that was killed leaves it.
    await mkdir(join(world.directory, `.unpacking-${layeredName([one])}-left`));
    await world.packages.collect();
    assert.deepEqual(await readdir(world.directory), [one]);
  });

  it('stay while a function has them, also when the layer is deleted, and go a while after', async () => {
    const layers: string[] = [];
    for (const text of ['one', 'two']) {
      const ZipFile = await zipOf({ 'lib/file.txt': text });
      const { LayerVersionArn = '' } = await world.output('PublishLayerVersion', {
        LayerName: text,
        Content: { ZipFile },
      });
      layers.push(LayerVersionArn);
    }
    await createActive(world, 'f', { Layers: layers });
    const { settings, code } = await latest('f');
    const digests = (settings.layers ?? []).map((layer) => layer.code.sha256);
    const folder = await world.packages.unpackLayers(digests);
    for (const LayerName of ['one', 'two']) await world.call('DeleteLayerVersion', { LayerName, VersionNumber: 1 });
    world.clock.advance(SIXTEEN_MINUTES_MS);
    assert.equal(await world.packages.collect(), 0);
    assert.equal(await read(folder, 'lib/file.txt'), 'two');

    await world.call('UpdateFunctionConfiguration', { FunctionName: 'f', Layers: [] });
    await world.activation.idle();
    assert.equal(await world.packages.collect(), 2);
    assert.equal(await read(folder, 'lib/file.txt'), 'two', 'an invoke may still read it');
    world.clock.advance(SIXTEEN_MINUTES_MS);
    await world.packages.collect();
    assert.deepEqual(await readdir(world.directory), [code.sha256]);
  });

  it('that a published version has stay for it', async () => {
    const arns: string[] = [];
    for (const LayerName of ['one', 'two']) {
      const Content = { ZipFile: await zipOf({ x: LayerName }) };
      arns.push((await world.output('PublishLayerVersion', { LayerName, Content })).LayerVersionArn ?? '');
    }
    await createActive(world, 'f', { Layers: arns, Publish: true });
    const digests = ((await latest('f')).settings.layers ?? []).map((layer) => layer.code.sha256);
    const folder = await world.packages.unpackLayers(digests);
    await world.call('UpdateFunctionConfiguration', { FunctionName: 'f', Layers: [] });
    await world.activation.idle();
    for (const LayerName of ['one', 'two']) await world.call('DeleteLayerVersion', { LayerName, VersionNumber: 1 });
    for (let times = 0; times < 3; times++) {
      world.clock.advance(SIXTEEN_MINUTES_MS);
      assert.equal(await world.packages.collect(), 0);
    }
    assert.equal(await read(folder, 'x'), 'two');
  });

  async function latest(name: string) {
    const read = await readFunction(world.metadata, { account: ACCOUNT, region: REGION }, name);
    assert.ok(read);
    return read.body.latest;
  }
});
