import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { randomIds } from '../../src/base/ids.ts';
import { type DataFolder, DataFolderError, openDataFolder } from '../../src/databases/disk/data-folder.ts';

const SOURCE = new URL('../../src/', import.meta.url);

async function withRoot(test: (root: string) => Promise<void>): Promise<void> {
  const parent = await mkdtemp(join(tmpdir(), 'lambdad-data-'));
  try {
    await test(join(parent, 'deep', 'data'));
  } finally {
    await rm(parent, { recursive: true });
  }
}

async function opened(root: string, test: (folder: DataFolder) => Promise<void>): Promise<void> {
  const folder = await openDataFolder(root, randomIds);
  try {
    await test(folder);
  } finally {
    await folder.close();
  }
}

async function refused(root: string, message: RegExp): Promise<void> {
  await assert.rejects(openDataFolder(root, randomIds), (error) => {
    assert.ok(error instanceof DataFolderError);
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
}

/** A process that holds the folder until it is killed. */
async function holder(root: string) {
  const code = `
    const { openDataFolder } = await import(${JSON.stringify(new URL('databases/disk/data-folder.ts', SOURCE).href)});
    const { randomIds } = await import(${JSON.stringify(new URL('base/ids.ts', SOURCE).href)});
    await openDataFolder(${JSON.stringify(root)}, randomIds);
    console.log('held');
    setInterval(() => {}, 60_000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const held = await Promise.race([once(child.stdout, 'data'), ended]);
  assert.equal(String(held[0]), 'held\n');
  return {
    pid: child.pid as number,
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

describe('data folder', { timeout: 20_000 }, () => {
  it('is made for the owner alone, with all its parts', () =>
    withRoot((root) =>
      opened(root, async ({ paths }) => {
        assert.equal(paths.root, root);
        assert.equal((await stat(root)).mode & 0o777, 0o700);
        for (const folder of [paths.blobs, paths.unpacked, paths.logs, paths.run, paths.keys])
          assert.ok((await stat(folder)).isDirectory());
        assert.equal(await readFile(join(root, 'format'), 'utf8'), 'lambdad data folder, format 3\n');
      }),
    ));

  it('opens again, and takes up an opening that was cut short', () =>
    withRoot(async (root) => {
      await mkdir(join(root, 'blobs'), { recursive: true });
      await mkdir(join(root, 'partial'));
      await writeFile(join(root, 'partial', '1-1-format'), 'lambdad data');
      for (let time = 0; time < 2; time++)
        await opened(root, async ({ paths }) => {
          await writeFile(join(paths.logs, 'log'), 'kept');
          assert.deepEqual(await readdir(join(root, 'partial')), []);
        });
    }));

  it('is for one server, and says which process has it', () =>
    withRoot(async (root) => {
      await opened(root, () => refused(root, new RegExp(`in use by another lambdad \\(process ${process.pid}\\)$`)));
      const other = await holder(root);
      try {
        await refused(root, new RegExp(`in use by another lambdad \\(process ${other.pid}\\)$`));
      } finally {
        await other.kill();
      }
      await opened(root, async () => {});
    }));

  it('does not name a process that is gone', () =>
    withRoot(async (root) => {
      const other = await holder(root);
      await other.kill();
      assert.equal(Number(await readFile(join(root, 'lock.pid'), 'utf8')), other.pid);
      await opened(root, async () => {
        await writeFile(join(root, 'lock.pid'), `${other.pid}\n`);
        await refused(root, /in use by another lambdad$/);
      });
    }));

  it('stays locked while others look at it and are refused', () =>
    withRoot((root) =>
      opened(root, async () => {
        for (let time = 0; time < 3; time++) await refused(root, /in use/);
        const code = `
          const { DatabaseSync } = await import('node:sqlite');
          const database = new DatabaseSync(${JSON.stringify(join(root, 'lock.db'))}, { timeout: 0 });
          try { database.exec('BEGIN EXCLUSIVE'); process.exitCode = 1; } catch { process.exitCode = 7; }`;
        const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'ignore' });
        assert.deepEqual(await once(child, 'exit'), [7, null]);
      }),
    ));

  it('is refused when a newer lambdad wrote it, and left as it is', () =>
    withRoot(async (root) => {
      await opened(root, async () => {});
      await writeFile(join(root, 'format'), 'lambdad data folder, format 4\n');
      await refused(root, /has format 4, newer than the 3 that this lambdad knows$/);
      assert.equal(await readFile(join(root, 'format'), 'utf8'), 'lambdad data folder, format 4\n');
    }));

  it('of an older lambdad is brought to the newest format, which keeps that one away', () =>
    withRoot(async (root) => {
      await opened(root, async ({ paths }) => writeFile(join(paths.blobs, 'kept'), ''));
      await writeFile(join(root, 'format'), 'lambdad data folder, format 1\n');
      await opened(root, async ({ paths }) => assert.deepEqual(await readdir(paths.blobs), ['kept']));
      assert.equal(await readFile(join(root, 'format'), 'utf8'), 'lambdad data folder, format 3\n');
    }));

  it('is refused when it is somebody else’s', () =>
    withRoot(async (root) => {
      await mkdir(join(root, 'logs'), { recursive: true });
      await writeFile(join(root, 'logs', 'precious'), '');
      await refused(root, /is not a lambdad data folder: it holds \S+\/logs, but no format file$/);
      await writeFile(join(root, 'format'), 'A4');
      await refused(root, /format is not the format file of a lambdad data folder$/);
    }));

  it('is refused in one line when it cannot be made', () =>
    withRoot(async (root) => {
      await mkdir(root, { recursive: true });
      await writeFile(join(root, 'file'), '');
      await refused(join(root, 'file'), /cannot be used: it, or a part of its path, is not a directory$/);
      await refused(join(root, 'file', 'below'), /cannot be used: it, or a part of its path, is not a directory$/);
      if (process.platform === 'linux') await refused('/proc/lambdad', /cannot be used: it cannot be created there$/);
    }));

  it('keeps secrets for its life, each its own, readable by the owner alone', () =>
    withRoot(async (root) => {
      const seen = new Set<string>();
      for (let time = 0; time < 2; time++)
        await opened(root, async ({ secret, paths }) => {
          const links = await Promise.all(Array.from({ length: 5 }, () => secret('links')));
          for (const bytes of [...links, await secret('cursors')]) {
            assert.equal(bytes.length, 32);
            seen.add(Buffer.from(bytes).toString('hex'));
          }
          assert.equal((await stat(join(paths.keys, 'links'))).mode & 0o777, 0o600);
          await assert.rejects(secret('../format'), /no name for a secret/);
        });
      assert.equal(seen.size, 2);
    }));
});
