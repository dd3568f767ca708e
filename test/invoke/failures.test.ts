/** How functions fail, and that a failure costs only the function that fails: runtime-facts 5 and 6. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let client: LambdaClient;

const FILLING = `
  export const handler = async () => {
    const kept = [];
    for (;;) kept.push(Buffer.alloc(4 << 20, 1));
  };`;

before(async () => {
  server = await startTestServer();
  client = server.client();
  await createFunction(client, 'faulty', {
    Timeout: 2,
    MemorySize: 128,
    files: {
      'index.mjs': `
        import { readFileSync, writeFileSync, existsSync } from 'node:fs';
        let count = 0;
        export const handler = async (event) => {
          count++;
          switch (event.do) {
            case 'throw': throw new TypeError('wrong');
            case 'exit': process.exit(event.code);
            case 'kill': process.kill(process.pid, event.signal); return new Promise(() => {});
            case 'loop': for (;;);
            case 'hang': setInterval(() => {}, 1000); return new Promise(() => {});
            case 'big': return 'x'.repeat(event.bytes - 2);
            case 'write': writeFileSync('/tmp/kept', 'kept'); return count;
            case 'read': return { count, kept: existsSync('/tmp/kept') ? readFileSync('/tmp/kept', 'utf8') : null };
            case 'print': console.log('one'); process.stdout.write('two'); return null;
            default: return { count };
          }
        };`,
    },
  });
});

after(() => server.stop());

/** The REPORT line of a tail, without the parts that differ from run to run. */
function reportOf(log: string): string {
  const line = log.split('\n').find((text) => text.startsWith('REPORT ')) ?? '';
  return line
    .replace(/^REPORT RequestId: \S+\t/, '')
    .replace(/[\d.]+ ms/g, '# ms')
    .replace(/Max Memory Used: \d+/, 'Max Memory Used: #');
}

test('a thrown error is the payload, Unhandled, and the environment lives on', async () => {
  const failed = await invokeFunction(client, 'faulty', { do: 'throw' });
  assert.equal(failed.error, 'Unhandled');
  const payload = failed.payload as { errorType: string; errorMessage: string; trace: string[] };
  assert.equal(payload.errorType, 'TypeError');
  assert.equal(payload.errorMessage, 'wrong');
  assert.equal(payload.trace[0], 'TypeError: wrong');
  const next = await invokeFunction(client, 'faulty', {});
  assert.ok((next.payload as { count: number }).count > 1, 'the same environment answered');
});

test('an exit is Runtime.ExitError with its status', async () => {
  for (const [code, text] of [
    [0, 'Runtime exited without providing a reason'],
    [3, 'Runtime exited with error: exit status 3'],
  ] as const) {
    const { payload, error, requestId, log } = await invokeFunction(client, 'faulty', { do: 'exit', code });
    assert.equal(error, 'Unhandled');
    assert.deepEqual(payload, {
      errorType: 'Runtime.ExitError',
      errorMessage: `RequestId: ${requestId} Error: ${text}`,
    });
    assert.match(
      reportOf(log),
      /Max Memory Used: # MB(\tInit Duration: # ms)?\tStatus: error\tError Type: Runtime\.ExitError$/,
    );
  }
});

test('a signal is named as Go names it', async () => {
  for (const [signal, name] of [
    ['SIGKILL', 'killed'],
    ['SIGABRT', 'aborted'],
    ['SIGSEGV', 'segmentation fault'],
  ] as const) {
    const { payload, requestId } = await invokeFunction(client, 'faulty', { do: 'kill', signal });
    assert.deepEqual(payload, {
      errorType: 'Runtime.ExitError',
      errorMessage: `RequestId: ${requestId} Error: Runtime exited with error: signal: ${name}`,
    });
  }
});

test('a function that loops or never answers times out; /tmp outlives the reset, memory does not', async () => {
  await invokeFunction(client, 'faulty', { do: 'write' });
  for (const what of ['loop', 'hang']) {
    const { payload, error, requestId, log } = await invokeFunction(client, 'faulty', { do: what });
    assert.equal(error, 'Unhandled');
    assert.deepEqual(payload, {
      errorType: 'Sandbox.Timedout',
      errorMessage: `RequestId: ${requestId} Error: Task timed out after 2.00 seconds`,
    });
    assert.match(log, /\tStatus: timeout\n$/);
    assert.match(log, /Duration: 2000\.00 ms\tBilled Duration: 2000 ms/);
  }
  const { payload } = await invokeFunction(client, 'faulty', { do: 'read' });
  assert.deepEqual(payload, { count: 1, kept: 'kept' });
});

test('a function that fills its memory is stopped at MemorySize', async () => {
  // Reclaiming memory on the way to the limit takes a busy machine some seconds.
  await createFunction(client, 'filling', { Timeout: 30, MemorySize: 128, files: { 'index.mjs': FILLING } });
  const { payload, error, log } = await invokeFunction(client, 'filling');
  assert.equal(error, 'Unhandled');
  assert.equal((payload as { errorType: string }).errorType, 'Runtime.OutOfMemory');
  assert.match(log, /Memory Size: 128 MB\tMax Memory Used: 128 MB\t.*Error Type: Runtime\.OutOfMemory\n/);
});

test('a response of 6 MiB and 100 bytes passes, one byte more is refused without a reset', async () => {
  const fits = await invokeFunction(client, 'faulty', { do: 'big', bytes: 6_291_556 });
  assert.equal(fits.error, undefined);
  const { count } = (await invokeFunction(client, 'faulty', {})).payload as { count: number };
  const over = await invokeFunction(client, 'faulty', { do: 'big', bytes: 6_291_557 });
  assert.equal(over.error, 'Unhandled');
  assert.deepEqual(over.payload, {
    errorMessage: 'Response payload size exceeded maximum allowed payload size (6291556 bytes).',
    errorType: 'Function.ResponseSizeTooLarge',
  });
  assert.deepEqual((await invokeFunction(client, 'faulty', {})).payload, { count: count + 2 });
});

test('output that was written before the answer stands before END', async () => {
  const { log, payload } = await invokeFunction(client, 'faulty', { do: 'print' });
  assert.equal(payload, null);
  assert.match(log, /^START .*\n.*\tINFO\tone\ntwo\n?END /m);
});

test('a failing init is reported, done again inside the invoke, and its error is the answer', async () => {
  await createFunction(client, 'no-init', { files: { 'index.mjs': "throw new RangeError('at init');" } });
  const { payload, error, log } = await invokeFunction(client, 'no-init');
  assert.equal(error, 'Unhandled');
  assert.equal((payload as { errorMessage: string }).errorMessage, 'at init');
  assert.match(log, /INIT_REPORT Init Duration: [\d.]+ ms\tPhase: init\tStatus: error\tError Type: Runtime\.Unknown\n/);
  assert.match(
    log,
    /INIT_REPORT Init Duration: [\d.]+ ms\tPhase: invoke\tStatus: error\tError Type: Runtime\.Unknown\nSTART /,
  );
});

test('a package without bootstrap is Runtime.InvalidEntrypoint', async () => {
  await createFunction(client, 'no-bootstrap', {
    Runtime: 'provided.al2023',
    files: { 'readme.txt': 'nothing to run' },
  });
  const { payload, error } = await invokeFunction(client, 'no-bootstrap');
  assert.equal(error, 'Unhandled');
  assert.equal((payload as { errorType: string }).errorType, 'Runtime.InvalidEntrypoint');
});

test('a bootstrap that cannot be started says why', async () => {
  const elf = Buffer.alloc(64);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  // e_machine of the architecture that this machine is not.
  elf.writeUInt16LE(process.arch === 'x64' ? 183 : 62, 18);
  const cases = [
    [
      'not-executable',
      { content: '#!/bin/sh\n', mode: 0o644 },
      /^RequestId: \S+ Error: fork\/exec \/var\/task\/bootstrap: permission denied$/,
    ],
    ['no-program', { content: 'text', mode: 0o755 }, /fork\/exec \/var\/task\/bootstrap: exec format error$/],
    [
      'other-processor',
      { content: elf, mode: 0o755 },
      /exec format error \(bootstrap is a program for (x64|arm64), this machine is (x64|arm64)\)$/,
    ],
  ] as const;
  for (const [name, bootstrap, text] of cases) {
    await createFunction(client, name, { Runtime: 'provided.al2023', files: { bootstrap } });
    const { payload, error } = await invokeFunction(client, name);
    const { errorType, errorMessage } = payload as { errorType: string; errorMessage: string };
    assert.deepEqual([error, errorType], ['Unhandled', 'Runtime.InvalidEntrypoint'], name);
    assert.match(errorMessage, text);
  }
});

test('connections that are reset while a function is being ended harm nobody', async () => {
  await createFunction(client, 'resets', {
    Timeout: 1,
    files: {
      'index.mjs': `
        import { spawn } from 'node:child_process';
        const loop = "const net = require('node:net'); const go = () => { const s = net.connect(9001, '127.0.0.1', () => { s.write('POST /2018-06-01/'); s.resetAndDestroy(); }); s.on('error', () => {}); s.on('close', go); }; for (let i = 0; i < 4; i++) go();";
        export const handler = () => {
          for (let i = 0; i < 2; i++) spawn(process.execPath, ['-e', loop], { stdio: 'ignore' });
          return new Promise((resolve) => setTimeout(resolve, 60_000));
        };`,
    },
  });
  for (let i = 0; i < 3; i++) {
    const { payload } = await invokeFunction(client, 'resets');
    assert.equal((payload as { errorType: string }).errorType, 'Sandbox.Timedout');
  }
  assert.equal((await invokeFunction(client, 'faulty', {})).error, undefined);
});
