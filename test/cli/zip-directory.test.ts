import assert from 'node:assert/strict';
import { mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { fromBufferPromise } from 'yauzl';
import { exportsNode } from '../../src/cli/guess.ts';
import { zipDirectory } from '../../src/cli/zip-directory.ts';
import { folderOf } from './run-command.ts';

async function contentOf(zip: Buffer): Promise<Record<string, { mode: string; content: string }>> {
  const file = await fromBufferPromise(zip, { lazyEntries: true, autoClose: false });
  const found: Record<string, { mode: string; content: string }> = {};
  for await (const entry of file.eachEntry()) {
    const mode = (entry.externalFileAttributes >>> 16).toString(8);
    const content = entry.fileName.endsWith('/') ? '' : await text(await file.openReadStreamPromise(entry));
    found[entry.fileName] = { mode, content };
  }
  return found;
}

describe('zipDirectory', () => {
  it('keeps modes, skips what tools keep, sorts, and adds empty folders', async () => {
    await using folder = await folderOf('f', {
      'b.txt': 'b',
      'a/run*': 'a',
      '.git/HEAD': 'x',
      'a/.git/HEAD': 'x',
      'node_modules/.cache/x': 'x',
      'node_modules/dep/index.js': 'd',
      '.env': 'e',
    });
    await mkdir(join(folder.path, 'empty'));
    const found = await contentOf((await zipDirectory(folder.path)).zip);
    assert.deepEqual(Object.keys(found), ['.env', 'a/run', 'b.txt', 'empty/', 'node_modules/dep/index.js']);
    assert.equal(found['a/run']?.mode, '100755');
    assert.equal(found['b.txt']?.mode, '100644');
  });

  it('gives the same bytes for the same files, whatever their times and the time zone', async (t) => {
    await using one = await folderOf('one', { 'b.txt': 'b', 'a.txt': 'a' });
    await using two = await folderOf('two', { 'a.txt': 'a', 'b.txt': 'b' });
    await utimes(join(two.path, 'a.txt'), 1_000_000_000, 1_000_000_000);
    const first = (await zipDirectory(one.path)).zip;
    const zone = process.env['TZ'];
    t.after(() => {
      if (zone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = zone;
    });
    process.env['TZ'] = 'Asia/Tokyo';
    assert.deepEqual((await zipDirectory(two.path)).zip, first);
  });

  it('keeps a link to a place inside, and puts in place what a link outside leads to', async () => {
    await using outside = await folderOf('outside', { 'lib/index.js': 'lib', 'file.txt': 'file' });
    await using folder = await folderOf('f', { 'a/real.txt': 'real' });
    await symlink('real.txt', join(folder.path, 'a/inside'));
    await symlink(join(folder.path, 'a/real.txt'), join(folder.path, 'absolute'));
    await symlink(join(outside.path, 'lib'), join(folder.path, 'lib'));
    await symlink(join(outside.path, 'file.txt'), join(folder.path, 'file.txt'));
    const found = await contentOf((await zipDirectory(folder.path)).zip);
    assert.deepEqual(found['a/inside'], { mode: '120777', content: 'real.txt' });
    assert.deepEqual(found['absolute'], { mode: '120777', content: 'a/real.txt' });
    assert.equal(found['lib/index.js']?.content, 'lib');
    assert.deepEqual(found['file.txt'], { mode: '100644', content: 'file' });
  });

  it('refuses links to nowhere, circles, empty folders, and more than 262144000 bytes', async () => {
    await using empty = await folderOf('empty', {});
    await assert.rejects(zipDirectory(empty.path), /holds no file/);
    await using broken = await folderOf('broken', {});
    await symlink('nowhere', join(broken.path, 'link'));
    await assert.rejects(zipDirectory(broken.path), /link is a link to nowhere, which is not there/);
    await using circle = await folderOf('circle', { 'in/x': '' });
    await symlink(circle.path, join(circle.parent, 'up'));
    await symlink(circle.parent, join(circle.path, 'in/out'));
    await assert.rejects(zipDirectory(join(circle.path, 'in')), /circle of links/);
    await using large = await folderOf('large', {});
    await writeFile(join(large.path, 'x'), '');
    await (await import('node:fs/promises')).truncate(join(large.path, 'x'), 262_144_001);
    await assert.rejects(
      zipDirectory(large.path),
      /^CommandFailure|Unzipped size must be smaller than 262144000 bytes/,
    );
  });
});

describe('exportsNode', () => {
  it('knows the forms that people and bundlers write', () => {
    const forms = [
      'export const handler = 1',
      'export async function handler() {}',
      'export function* handler() {}',
      'const h = 1; export { h as handler }',
      'export{a as handler,b as c}',
      'export const { other, handler } = make()',
      'exports.handler=()=>1',
      'module.exports.handler = 1',
      'module.exports = { other, handler }',
      'Object.defineProperty(exports, "handler", { get })',
      '__export(src_exports, {\n  handler: () => handler\n});',
      '0 && (module.exports = {\n  handler\n});',
    ];
    for (const form of forms) assert.ok(exportsNode(form, 'handler'), form);
    for (const form of ['const handler = 1', 'export { handler as other }', 'export const handlers = 1', 'handler()'])
      assert.ok(!exportsNode(form, 'handler'), form);
  });
});
