import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, Socket, type SocketConstructorOpts } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import {
  ANSWER_WAIT_MS,
  type Answer,
  credentialsOf,
  encodeFrame,
  lackOf,
  type Mode,
  openWorkshop,
  setupOf,
  type Workshop,
} from './launcher-harness.ts';

const GONE_CHECK_MS = 5;
const TMP = ['tmp', '8388608', '512'];

interface Heard {
  readonly line: Answer;
  readonly handle: unknown;
}

/** `limits`: of the shell's, set before it runs. */
function openNursery({ binary }: Workshop, mode: Mode, limits = '') {
  const child = spawn('/bin/sh', ['-c', `${limits} exec "$0" nursery`, binary], {
    stdio: ['pipe', 'ignore', 'ignore', 'ipc'],
    ...credentialsOf(mode),
  });
  const heard: Heard[] = [];
  child.stdin?.on('error', () => {});
  child.on('message', (line, handle) => {
    heard.push({ line: line as Answer, handle });
    child.emit('heard');
  });
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
  return {
    child,
    heard,
    ended,
    send: (...strings: string[]) => void child.stdin?.write(encodeFrame(strings)),
    /** The first line, past or to come, of a launcher that has such a key. */
    async line(launcher: string, key: string): Promise<Heard> {
      const deadline = AbortSignal.timeout(ANSWER_WAIT_MS);
      for (;;) {
        const found = heard.find(({ line }) => line['launcher'] === launcher && key in line);
        if (found) return found;
        await once(child, 'heard', { signal: deadline });
      }
    },
    async [Symbol.asyncDispose]() {
      child.stdin?.end();
      await ended;
    },
  };
}

type Nursery = ReturnType<typeof openNursery>;

/** Where a launcher takes its commands. */
async function commandsOf(nursery: Nursery, launcher: string): Promise<Socket> {
  const { handle } = await nursery.line(launcher, 'commands');
  return new Socket({ handle, readable: false } as SocketConstructorOpts);
}

async function pidOf(nursery: Nursery, launcher: string): Promise<number> {
  return (await nursery.line(launcher, 'spawned')).line['spawned'] as number;
}

async function gone(pid: number): Promise<void> {
  const untilMs = performance.now() + ANSWER_WAIT_MS;
  while (existsSync(`/proc/${pid}`)) {
    assert.ok(performance.now() < untilMs, `process ${pid} is still there`);
    await wait(GONE_CHECK_MS);
  }
}

const shell = (script: string) => ['arg', '/bin/sh', 'arg', '-c', 'arg', script, 'env', 'PATH=/usr/bin:/bin'];

for (const mode of ['root', 'userns'] as const) {
  const skip = lackOf(mode);

  describe(`nursery, ${mode === 'root' ? 'started by root' : 'started by an ordinary user'}`, { skip }, () => {
    test('spawns launchers, and tells which of them has said what', async () => {
      using workshop = openWorkshop();
      await using nursery = openNursery(workshop, mode);
      for (const launcher of ['a', 'b']) nursery.send('spawn', launcher);
      for (const [launcher, code] of [
        ['a', 3],
        ['b', 4],
      ] as const) {
        const commands = await commandsOf(nursery, launcher);
        commands.write(encodeFrame(setupOf(workshop, mode, [...TMP, 'listen', '0'])));
        commands.write(encodeFrame(['start', 'x', ...shell(`exit ${code}`)]));
        const { handle, line } = await nursery.line(launcher, 'listener');
        const server = createServer().listen(handle as object);
        assert.equal((server.address() as { port: number }).port, line['listener']);
        server.close();
        const pid = await pidOf(nursery, launcher);
        assert.equal((await nursery.line(launcher, 'ready')).line['pid'], pid);
        assert.deepEqual((await nursery.line(launcher, 'exit')).line, { exit: 'x', code, launcher });
        assert.match(
          readFileSync(`/proc/${pid}/stat`, 'utf8'),
          new RegExp(`^${pid} \\(lambdad-sandbox\\) . ${nursery.child.pid} `),
        );
        assert.equal(readFileSync(`/proc/${pid}/environ`, 'utf8'), '');
      }
    });

    test('a launcher that is killed is over, and no other one', async () => {
      using workshop = openWorkshop();
      await using nursery = openNursery(workshop, mode);
      for (const launcher of ['a', 'b']) nursery.send('spawn', launcher);
      const other = await pidOf(nursery, 'b');
      nursery.send('kill', 'a');
      assert.deepEqual((await nursery.line('a', 'over')).line, { launcher: 'a', over: true });
      await gone(await pidOf(nursery, 'a'));
      assert.ok(existsSync(`/proc/${other}`));
      // Its id is free again, and one that is over is not killed again.
      nursery.send('kill', 'a');
      nursery.send('spawn', 'a');
      (await commandsOf(nursery, 'b')).end();
      assert.deepEqual((await nursery.line('b', 'over')).line, { launcher: 'b', over: true });
    });

    test('what a launcher complains of comes before its end, and says why', async () => {
      using workshop = openWorkshop();
      await using nursery = openNursery(workshop, mode);
      nursery.send('spawn', 'a', '/no/such/group"');
      await nursery.line('a', 'over');
      const text = 'join /no/such/group": No such file or directory';
      assert.deepEqual(
        nursery.heard.map(({ line }) => line).filter((line) => !('commands' in line || 'spawned' in line)),
        [
          { launcher: 'a', complaint: `lambdad-sandbox: cgroup: ${text}\n` },
          { launcher: 'a', error: text, step: 'cgroup', errno: 2 },
          { launcher: 'a', over: true },
        ],
      );
    });

    for (const how of ['its standard input ends', 'it is killed'])
      test(`all launchers end with the nursery when ${how}`, async () => {
        using workshop = openWorkshop();
        const nursery = openNursery(workshop, mode);
        for (const launcher of ['a', 'b']) nursery.send('spawn', launcher);
        const pids = [await pidOf(nursery, 'a'), await pidOf(nursery, 'b')];
        (await commandsOf(nursery, 'a')).write(encodeFrame(setupOf(workshop, mode, TMP)));
        await nursery.line('a', 'ready');
        if (how === 'it is killed') nursery.child.kill('SIGKILL');
        else nursery.child.stdin?.end();
        await nursery.ended;
        for (const pid of pids) await gone(pid);
      });
  });
}

describe('nursery', { skip: process.platform === 'linux' ? false : 'the launcher is for Linux' }, () => {
  test('says why a launcher could not be spawned, and spawns the next one', async () => {
    using workshop = openWorkshop();
    // Enough for one launcher: six of its own, two for each, and six while one is spawned.
    await using nursery = openNursery(workshop, 'root', 'ulimit -n 13;');
    nursery.send('spawn', 'a');
    await pidOf(nursery, 'a');
    for (const launcher of ['b', 'c', 'd']) nursery.send('spawn', launcher);
    const { line } = await nursery.line('d', 'over');
    assert.deepEqual(line, {
      launcher: 'd',
      over: true,
      error: 'No file descriptors available',
      step: 'spawn',
      errno: 24,
    });
    nursery.send('kill', 'a');
    await nursery.line('a', 'over');
    nursery.send('spawn', 'e');
    await pidOf(nursery, 'e');
  });

  for (const [what, message] of [
    ['an id in use', ['spawn', 'a']],
    ['no id', ['spawn']],
    ['an id of which JSON could be made', ['spawn', 'a"']],
    ['too many arguments', ['spawn', 'b', ...Array.from({ length: 65 }, () => 'x')]],
    ['no command of its', ['toast', 'b']],
  ] as const)
    test(`ends at ${what}`, async () => {
      using workshop = openWorkshop();
      const nursery = openNursery(workshop, 'root');
      nursery.send('spawn', 'a');
      await pidOf(nursery, 'a');
      nursery.send(...message);
      assert.deepEqual(await nursery.ended, [1, null]);
    });
});
