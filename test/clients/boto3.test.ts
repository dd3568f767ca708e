import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { runClient } from '../support/client-process.ts';
import { skipWithoutMoto } from '../support/moto.ts';
import { skipUnless } from '../support/requirement.ts';
import { root } from '../support/source-tree.ts';
import { servers, setStage } from './story.ts';

/** Where boto3 is in an environment of its own, this names its interpreter. */
const python = process.env['PYTHON_WITH_BOTO3'] ?? 'python3';
const there = spawnSync(python, ['-c', 'import boto3'], { stdio: 'ignore' }).status === 0;
const skip =
  skipUnless(there, 'needs boto3 for python3, or an interpreter that has it in PYTHON_WITH_BOTO3') || skipWithoutMoto();

for (const { title, asUser } of servers)
  test(`boto3 tells the story with ${title}`, { skip }, async () => {
    const stage = await setStage(asUser);
    try {
      const program = join(root, 'test', 'clients', 'boto3_story.py');
      const { stdout } = await runClient(python, ['-B', program, stage.storyFile], stage.server);
      assert.equal(stdout, 'told\n');
    } finally {
      await stage.stop();
    }
  });
