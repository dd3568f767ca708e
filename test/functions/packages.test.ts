import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { StoreFull } from '../../src/store/metadata.ts';
import { createActive, handlerZip, makeWorld, rejects, type World } from '../support/function-world.ts';

const SIXTEEN_MINUTES_MS = 16 * 60_000;

describe('code packages', { timeout: 10_000 }, () => {
  let world: World;
  beforeEach(async () => {
    world = await makeWorld();
  });
  afterEach(() => world.close());

  it('are unpacked once for all who ask, and again when the directory is gone', async () => {
    const { sha256 } = await world.packages.store(await handlerZip('one'));
    const [first, second] = await Promise.all([world.packages.unpack(sha256), world.packages.unpack(sha256)]);
    assert.equal(first, second);
    assert.deepEqual(await readdir(world.directory), [sha256]);
    assert.equal(await readFile(join(first, 'index.js'), 'utf8'), 'one');
    await rm(first, { recursive: true });
    assert.equal(await readFile(join(await world.packages.unpack(sha256), 'index.js'), 'utf8'), 'one');
  });

  it('that are missing cannot be unpacked, and leave nothing behind', async () => {
    await assert.rejects(world.packages.unpack('0'.repeat(64)), /is missing or damaged/);
    assert.deepEqual(await readdir(world.directory), []);
  });

  it('that nobody refers to make room when the disk is full', async () => {
    const { put } = world.blobs;
    // Room for one.
    world.blobs.put = async (bytes) => {
      for await (const _ of world.blobs.list()) throw new StoreFull('no room');
      return put(bytes);
    };
    const old = await world.packages.store(await handlerZip('old'));
    await assert.rejects(world.packages.store(await handlerZip('new')), StoreFull);
    world.clock.advance(SIXTEEN_MINUTES_MS);
    const { sha256 } = await world.packages.store(await handlerZip('new'));
    assert.deepEqual([await world.blobs.has(old.sha256), await world.blobs.has(sha256)], [false, true]);
  });

  it('are not kept when they are only inspected', async () => {
    const { sha256, sizeBytes } = await world.packages.inspect(await handlerZip());
    assert.equal(sizeBytes, (await handlerZip()).length);
    assert.equal(await world.blobs.has(sha256), false);
  });

  it('have a size', async () => {
    await world.close();
    world = await makeWorld({ limits: { codeSizeUnzippedBytes: 10 } });
    await rejects(
      world.packages.store(await handlerZip('eleven byte')),
      'InvalidParameterValueException',
      'Unzipped size must be smaller than 10 bytes',
    );
  });

  it('are collected when nothing refers to them, but not while a request may still commit', async () => {
    await createActive(world, 'one', { Code: { ZipFile: await handlerZip('v1') }, Publish: true });
    await world.call('UpdateFunctionCode', { FunctionName: 'one', ZipFile: await handlerZip('v2') });
    await world.activation.idle();
    const draft = await world.packages.store(await handlerZip('uncommitted'));
    await world.packages.unpack(draft.sha256);
    await mkdir(join(world.directory, `.unpacking-${'a'.repeat(64)}-left`));
    assert.equal(await world.packages.collect(), 0);
    assert.equal((await readdir(world.directory)).length, 3);
    world.clock.advance(SIXTEEN_MINUTES_MS);
    assert.equal(await world.packages.collect(), 1);
    assert.equal(await world.blobs.has(draft.sha256), false);
    assert.equal((await readdir(world.directory)).length, 2);
    await world.call('DeleteFunction', { FunctionName: 'one' });
    assert.equal(await world.packages.collect(), 2);
    assert.deepEqual(await readdir(world.directory), []);
  });

  it('stay when an old package is stored again just before', async () => {
    const zip = await handlerZip();
    await world.packages.store(zip);
    world.clock.advance(SIXTEEN_MINUTES_MS);
    const { sha256 } = await world.packages.store(zip);
    assert.equal(await world.packages.collect(), 0);
    assert.equal(await world.blobs.has(sha256), true);
  });
});
