import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runClient } from '../support/client-process.ts';
import { skipUnless } from '../support/requirement.ts';
import { startTestServer } from '../support/server.ts';
import { root } from '../support/source-tree.ts';
import { greeterZip, servers } from './story.ts';

/** Where boto3 is in an environment of its own, this names its interpreter. */
const python = process.env['PYTHON_WITH_BOTO3'] ?? 'python3';
const there = spawnSync(python, ['-c', 'import boto3'], { stdio: 'ignore' }).status === 0;
const skip = skipUnless(there, 'needs boto3 for python3, or an interpreter that has it in PYTHON_WITH_BOTO3');

for (const { title, asUser } of servers)
  test(`boto3 tells the life of a function with ${title}`, { skip }, async () => {
    const server = await startTestServer(asUser ? { asUser } : {});
    const dir = mkdtempSync(join(tmpdir(), 'lambdad-boto3-'));
    try {
      const zip = join(dir, 'greeter.zip');
      writeFileSync(zip, await greeterZip('Hello'));
      const story = join(root, 'test', 'clients', 'boto3_story.py');
      const { stdout } = await runClient(python, ['-B', story, zip], server);
      assert.equal(stdout, 'told\n');
    } finally {
      rmSync(dir, { recursive: true, force: true });
      await server.stop();
    }
  });
