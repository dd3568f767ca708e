import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { FakeClock } from '../../src/base/clock.ts';
import { DiskLogStore } from '../../src/logs/disk-log-store.ts';

const ROUNDS = 6;
const here = { account: '000000000000', region: 'us-east-1' };

/** Runs the churn until it has made so many changes, and kills it in the midst of the next ones. */
async function churn(directory: string, seed: number, changes: number): Promise<string[]> {
  const program = fileURLToPath(new URL('log-churn.ts', import.meta.url));
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
  const child = spawn(process.execPath, [program, directory, String(seed)], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (output.split('\n= ').length > changes) child.kill('SIGKILL');
  });
  await new Promise((resolve) => child.once('close', resolve));
  assert.equal(child.signalCode, 'SIGKILL');
  return output.split('\n').filter((line) => line !== '');
}

/** What must be there, from what was acknowledged: groups, their streams, and the messages in them. */
class Expected {
  readonly groups = new Map<string, Map<string, string[]>>();

  follow(lines: readonly string[]): void {
    for (const line of lines) {
      const [mark, kind, group = '', ...rest] = line.split(' ');
      if (mark === '?') continue;
      const result = rest.join(' ').replace(/^(s\d )?(m\d+ )?/, '');
      const streams = this.groups.get(group);
      if (kind === 'group' && result === 'created') this.groups.set(group, new Map());
      if (kind === 'group' && result === 'deleted') this.groups.delete(group);
      const [stream = '', message = ''] = rest;
      if (kind === 'stream' && result === 'created') streams?.set(stream, []);
      if (kind === 'stream' && result === 'deleted') streams?.delete(stream);
      if (kind === 'event' && result === 'kept') streams?.get(stream)?.push(message);
    }
  }
}

test('whenever the process is killed, what it acknowledged is there and what it deleted is not', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'lambdad-log-crash-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const expected = new Expected();
  let acknowledged = 0;
  for (let round = 1; round <= ROUNDS; round += 1) {
    const lines = await churn(directory, round * 7919, 40 * round);
    acknowledged += lines.filter((line) => /^= .* (created|deleted|kept)$/.test(line)).length;
    expected.follow(lines);
    const [mark, kind, group = '', stream = ''] = lines.at(-1)?.split(' ') ?? [];
    const underWay = mark === '?' ? { kind, group, stream } : undefined;
    const clock = new FakeClock(Date.now());
    const store = new DiskLogStore({ directory, totalBytesMax: 1e8, clock, onTrouble: assert.fail });
    for (const name of ['g0', 'g1', 'g2', 'g3']) {
      const streams = await store.streams({ ...here, group: name });
      const wanted = expected.groups.get(name);
      if (underWay?.kind === 'group' && underWay.group === name) {
        // Either is right; what is there is what the next round begins with, and a whole group or none.
        if (streams === undefined) expected.groups.delete(name);
        else if (wanted === undefined) expected.groups.set(name, new Map());
      } else assert.equal(streams !== undefined, wanted !== undefined, `round ${round}, group ${name}`);
      const now = expected.groups.get(name);
      const found = new Set(streams?.map((view) => view.stream));
      for (const stream of ['s0', 's1', 's2']) {
        if (underWay?.kind === 'stream' && underWay.group === name && underWay.stream === stream) {
          if (!found.has(stream)) now?.delete(stream);
          else now?.set(stream, (await messages(store, name, stream)) ?? []);
          continue;
        }
        assert.equal(found.has(stream), now?.has(stream) ?? false, `round ${round}, stream ${name} ${stream}`);
        if (!found.has(stream)) continue;
        const seen = await messages(store, name, stream);
        const kept = now?.get(stream) ?? [];
        // An event that was being written may be there, too.
        assert.deepEqual(seen.slice(0, kept.length), kept, `round ${round}, events of ${name} ${stream}`);
        assert.ok(seen.length <= kept.length + 1);
        now?.set(stream, seen);
      }
    }
    await store.close();
  }
  assert.ok(acknowledged > 100, `${acknowledged} acknowledged changes`);
});

async function messages(store: DiskLogStore, group: string, stream: string): Promise<string[]> {
  const found = await store.read({ ...here, group, streams: [stream], limit: 10_000 });
  return (found ?? []).map(({ message }) => message);
}
