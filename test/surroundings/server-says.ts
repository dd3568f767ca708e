import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import type { TestServer } from '../support/server.ts';

const SAID_MS_MAX = 10_000;
const LOOK_MS = 10;

/** Resolves when the server has written `text` to its standard error: what it writes may arrive after its answer. */
export async function serverSays(server: TestServer, text: string): Promise<void> {
  const giveUpAt = performance.now() + SAID_MS_MAX;
  while (!server.stderr().includes(text) && performance.now() < giveUpAt) await setTimeout(LOOK_MS);
  assert.ok(server.stderr().includes(text), `not said: ${text}\n${server.stderr()}`);
}
