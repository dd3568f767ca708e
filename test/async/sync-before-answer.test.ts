/** A kill does not show whether an event was on the disk: the system calls do. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { InvokeCommand } from '@aws-sdk/client-lambda';
import { createFunction } from '../support/functions.ts';
import { skipUnless } from '../support/requirement.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

/** Where Yama is on, only root may look at a process that is not its own child. */
const YAMA = '/proc/sys/kernel/yama/ptrace_scope';
const mayAttach = process.getuid?.() === 0 || !existsSync(YAMA) || readFileSync(YAMA, 'latin1').trim() === '0';
const skip = skipUnless(
  mayAttach && spawnSync('strace', ['-o', '/dev/null', 'true'], { stdio: 'ignore' }).status === 0,
  'needs strace, and leave to trace another process',
);
const EVENTS = 20;
const LARGE = JSON.stringify('x'.repeat(40_000));

/** `fdatasync(21</data/events.db-wal>) = 0`, also the second half of a call that others interrupted. */
const SYNC = /\bf(?:data)?sync(?:\(\d+<([^>]*)>\)| resumed>\)).*= 0/;
const UNFINISHED = /^(\d+) .*\bf(?:data)?sync\(\d+<([^>]*)>\s*<unfinished/;
/** Not the answers of the Runtime API, which begin in another way. */
const ACCEPTED = /"HTTP\/1\.1 202 Accepted\\r\\nx-amzn-RequestId/;

/** What the trace says, in order: the file of each sync that ended, and `202` for each answer that began. */
function story(trace: string): string[] {
  const begun = new Map<string, string>();
  return trace.split('\n').flatMap((line) => {
    const [, thread = '', file = ''] = UNFINISHED.exec(line) ?? [];
    if (thread !== '') begun.set(thread, file);
    const sync = SYNC.exec(line);
    if (sync) return [sync[1] ?? begun.get(line.split(' ')[0] ?? '') ?? ''];
    return ACCEPTED.test(line) ? ['202'] : [];
  });
}

describe('the answer to an asynchronous invoke', { skip, timeout: 120_000 }, () => {
  let directory: string;
  let server: TestServer;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'lambdad-strace-'));
    server = await startTestServer({ args: ['--sandbox', 'process', '--shutdown-seconds', '0'] });
  });
  after(async () => {
    await server?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  async function traced(action: () => Promise<void>): Promise<string[]> {
    const output = join(directory, 'trace');
    const calls = ['-e', 'trace=fsync,fdatasync,write,writev', '-e', 'signal=none', '-s', '64'];
    const args = ['-f', '-y', ...calls, '-o', output, '-p', String(server.pid)];
    const strace: ChildProcess = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    await once(strace.stderr as NonNullable<typeof strace.stderr>, 'data');
    await action();
    const ended = once(strace, 'close');
    strace.kill('SIGINT');
    await ended;
    return story(readFileSync(output, 'utf8'));
  }

  it('follows the sync of its event, and of the file that holds a large one', async () => {
    const client = server.client();
    // Nothing ends while the trace is taken: the only syncs are those of acceptances.
    const source = 'export const handler = () => new Promise((resolve) => setTimeout(resolve, 200_000));';
    await createFunction(client, 'slow', { Timeout: 300, files: { 'index.mjs': source } });
    const seen = await traced(async () => {
      for (let n = 0; n < EVENTS; n++) {
        const Payload = n % 2 === 0 ? '{}' : LARGE;
        await client.send(new InvokeCommand({ FunctionName: 'slow', InvocationType: 'Event', Payload }));
      }
    });
    const answers = seen.flatMap((what, at) => (what === '202' ? [at] : []));
    assert.equal(answers.length, EVENTS);
    for (const [n, at] of answers.entries()) {
      const before = seen.slice(n === 0 ? 0 : answers[n - 1], at);
      assert.ok(
        before.some((file) => file.endsWith('events.db-wal')),
        `answer ${n} followed ${before.join(', ')}`,
      );
      if (n % 2 === 1)
        assert.ok(
          before.some((file) => file.includes('/events/partial/')),
          `answer ${n} followed ${before.join(', ')}`,
        );
    }
  });
});
