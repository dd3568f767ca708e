import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { runClient } from '../support/client-process.ts';
import { skipWithoutMoto } from '../support/moto.ts';
import { skipUnless } from '../support/requirement.ts';
import { root } from '../support/source-tree.ts';
import { setStage } from './story.ts';

/** Fetching the modules and compiling them for the first time on a machine. */
const BUILD_MS_MAX = 300_000;

const folder = join(root, 'test', 'clients', 'go');

/** True when `go` is there and no older than go.mod says. */
function hasGo(): boolean {
  const { status, stdout } = spawnSync('go', ['env', 'GOVERSION'], { encoding: 'utf8', cwd: tmpdir() });
  const [, major = 0, minor = 0] = (/^go(\d+)\.(\d+)/.exec(stdout ?? '') ?? []).map(Number);
  const [, majorMin = 0, minorMin = 0] = (
    /^go (\d+)\.(\d+)/m.exec(readFileSync(join(folder, 'go.mod'), 'utf8')) ?? []
  ).map(Number);
  return status === 0 && (major > majorMin || (major === majorMin && minor >= minorMin));
}

const skip = skipUnless(hasGo(), 'needs go as new as test/clients/go/go.mod says') || skipWithoutMoto();

describe('the AWS SDK for Go v2', { skip, timeout: BUILD_MS_MAX }, () => {
  let dir: string;
  let program: string;
  before(
    async () => {
      dir = mkdtempSync(join(tmpdir(), 'lambdad-go-'));
      program = join(dir, 'story');
      const args = ['build', '-mod=readonly', '-buildvcs=false', '-o', program, '.'];
      await promisify(execFile)('go', args, { cwd: folder, timeout: BUILD_MS_MAX });
    },
    { timeout: BUILD_MS_MAX },
  );
  after(() => rmSync(dir, { recursive: true, force: true }));

  test('tells the story', async () => {
    const stage = await setStage();
    try {
      assert.equal((await runClient(program, [stage.storyFile], stage.server)).stdout, 'told\n');
    } finally {
      await stage.stop();
    }
  });
});
