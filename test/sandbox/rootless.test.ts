/** An ordinary user's server: what it cannot have is said, and functions are bounded all the same. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { canSwitchUser, nobody } from '../support/readable-checkout.ts';
import { skipUnless } from '../support/requirement.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const skip = skipUnless(process.platform === 'linux' && canSwitchUser, 'Linux, as root, to become somebody else');
/** Forks sleepers until it may not; what each function answers is how many there are. */
const BOMB = `
import { execFileSync } from 'node:child_process';
const script = \`my $n = 0; while ($n < 3000) { my $pid = fork(); last if !defined $pid; if ($pid == 0) { close STDOUT; close STDERR; sleep 60; exit } $n++ } print $n\`;
export const handler = async () => Number(execFileSync('/usr/bin/perl', ['-e', script]));
`;

let server: TestServer;
before(async () => {
  if (skip === false) server = await startTestServer({ asUser: nobody });
});
after(async () => {
  if (skip === false) await server.stop();
});

test('the start line names what stands in for what only root has', { skip }, () => {
  const line = /^sandbox: {2}(.*)$/m.exec(server.stdout())?.[1] ?? '';
  assert.match(line, /unprivileged/);
  assert.match(line, /\/tmp in memory/);
  assert.match(line, /memory watched, not limited|memory.* by cgroup/);
  assert.match(line, /processes limited by rlimit|processes by cgroup/);
});

test('a fork bomb is bounded, though all functions are the same user, and a neighbour goes on', { skip }, async () => {
  const client = server.client();
  await createFunction(client, 'bomb', { files: { 'index.mjs': BOMB }, Timeout: 50, MemorySize: 3008 });
  await createFunction(client, 'other-bomb', { files: { 'index.mjs': BOMB }, Timeout: 50, MemorySize: 3008 });
  await createFunction(client, 'neighbour', { files: { 'index.mjs': 'export const handler = () => "fine";' } });
  const [first, second] = await Promise.all([invokeFunction(client, 'bomb'), invokeFunction(client, 'other-bomb')]);
  for (const { payload, error } of [first, second]) {
    assert.equal(error, undefined, JSON.stringify(payload));
    // Some of the 1024 are the runtime's own threads and the launcher's pid 1.
    assert.ok((payload as number) > 950 && (payload as number) < 1024, String(payload));
  }
  assert.equal((await invokeFunction(client, 'neighbour')).payload, 'fine');
});
