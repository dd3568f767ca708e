import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { inFullOnly } from '../proof/extent.ts';
import { runClient } from '../support/client-process.ts';
import { skipWithoutMoto } from '../support/moto.ts';
import { skipUnless } from '../support/requirement.ts';
import { root } from '../support/source-tree.ts';
import { setStage } from './story.ts';

/** Maven fetches the SDK and its own plugins for the first time on a machine; later it has them. */
const BUILD_MS_MAX = 300_000;

const runs = (command: string, flag: string) => spawnSync(command, [flag], { stdio: 'ignore' }).status === 0;
const isThere = () => runs('javac', '-version') && runs('mvn', '-version');
const skip = inFullOnly || skipUnless(isThere(), 'needs a JDK and Maven') || skipWithoutMoto();

describe('the AWS SDK for Java v2', { skip, timeout: BUILD_MS_MAX }, () => {
  let dir: string;
  let classPath: string;
  before(
    async () => {
      // Maven writes beside its sources: it gets a copy.
      dir = mkdtempSync(join(tmpdir(), 'lambdad-java-'));
      cpSync(join(root, 'test', 'clients', 'java'), dir, { recursive: true });
      const goals = ['compile', 'dependency:build-classpath', '-Dmdep.outputFile=target/class-path'];
      await promisify(execFile)('mvn', ['-q', '-B', ...goals], { cwd: dir, timeout: BUILD_MS_MAX });
      const libraries = readFileSync(join(dir, 'target', 'class-path'), 'utf8').trim();
      classPath = [join(dir, 'target', 'classes'), libraries].join(delimiter);
    },
    { timeout: BUILD_MS_MAX },
  );
  after(() => rmSync(dir, { recursive: true, force: true }));

  test('tells the story', async () => {
    const stage = await setStage();
    try {
      const { stdout } = await runClient('java', ['-cp', classPath, 'Story', stage.storyFile], stage.server);
      assert.equal(stdout, 'told\n');
    } finally {
      await stage.stop();
    }
  });
});
