/**
 * Functions that use up what there is: each costs itself alone. While one does its worst a neighbour is invoked again and again,
 * and every time it must answer.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { LambdaClient, Runtime } from '@aws-sdk/client-lambda';
import { machinePrograms } from '../../src/runtimes/machine-programs.ts';
import { createFunction, type Deployed, type Invoked, invokeFunction } from '../support/functions.ts';
import { skipUnless } from '../support/requirement.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const NEIGHBOUR_INVOKES_MIN = 5;
const TEST_MS_MAX = 120_000;
const python = await machinePrograms('python', process.env).newest();
const skip = skipUnless(process.platform === 'linux' && python !== undefined, 'Linux and a Python');

let server: TestServer;
let client: LambdaClient;
let created = 0;

before(async () => {
  server = await startTestServer();
  client = server.client();
  const files = {
    'index.mjs': `import fs from 'node:fs';
      export const handler = async ({ n }) => {
        fs.writeFileSync('/tmp/own', Buffer.alloc(1_000_000, n));
        return fs.readFileSync('/tmp/own')[999_999] === n;
      };`,
  };
  await createFunction(client, 'neighbour', { files });
  await invokeFunction(client, 'neighbour', { n: 0 });
});

after(async () => {
  await server?.stop();
});

/** Runs the hog once, and the neighbour all that time; what the hog answered. */
async function beside(code: string, options: Partial<Deployed> = {}): Promise<Invoked> {
  const name = `hog-${++created}`;
  const files = { 'hog.py': code };
  const settings = { Runtime: `python${python?.version}` as Runtime, Handler: 'hog.handler', Timeout: 30 };
  await createFunction(client, name, { files, ...settings, ...options });
  let isOver = false;
  const hog = invokeFunction(client, name).finally(() => {
    isOver = true;
  });
  for (let n = 1; !isOver || n <= NEIGHBOUR_INVOKES_MIN; n++) {
    const { payload, error } = await invokeFunction(client, 'neighbour', { n: n % 256 });
    assert.deepEqual({ payload, error }, { payload: true, error: undefined }, `the neighbour's invoke ${n}`);
  }
  return await hog;
}

describe('exhaustion', { skip, timeout: TEST_MS_MAX }, () => {
  test('processes: forking ends at a limit, and the sandbox can be used again', { timeout: TEST_MS_MAX }, async () => {
    const { payload, error } = await beside(
      `
import os, signal, time
def handler(event, context):
    children = []
    try:
        while len(children) < 5000:
            pid = os.fork()
            if pid == 0:
                time.sleep(60)
                os._exit(0)
            children.append(pid)
        refusal = None
    except OSError as e:
        refusal = e.strerror
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return {'children': len(children), 'refusal': refusal}
`,
      { MemorySize: 3008 },
    );
    assert.equal(error, undefined, JSON.stringify(payload));
    const { children, refusal } = payload as { children: number; refusal: string };
    assert.match(refusal, /temporarily unavailable|Cannot allocate memory/);
    assert.ok(children > 50 && children <= 1024, `${children} children`);
  });

  test('processes: a fork bomb ends with its invoke', { timeout: TEST_MS_MAX }, async () => {
    const { payload } = await beside(
      `
import os
def handler(event, context):
    while True:
        try:
            os.fork()
        except OSError:
            pass
`,
      { Timeout: 3 },
    );
    const { errorType } = payload as { errorType: string };
    assert.match(errorType, /^(Sandbox\.Timedout|Runtime\.ExitError|Runtime\.OutOfMemory)$/);
  });

  test('memory: what goes beyond MemorySize is ended', { timeout: TEST_MS_MAX }, async () => {
    const { error, log } = await beside(
      `
def handler(event, context):
    kept = []
    while True:
        kept.append(b'x' * 10_000_000)
`,
      { MemorySize: 256 },
    );
    assert.equal(error, 'Unhandled');
    assert.match(log, /Error Type: Runtime\.OutOfMemory/);
  });

  test('disk: /tmp is full at its size', { timeout: TEST_MS_MAX }, async () => {
    const { payload, error } = await beside(
      `
import os
def handler(event, context):
    written = 0
    try:
        with open('/tmp/full', 'wb') as file:
            while written < 4 << 30:
                written += file.write(bytes(1 << 20))
        return None
    except OSError as e:
        os.unlink('/tmp/full')
        return {'megabytes': written >> 20, 'code': e.strerror}
`,
      { MemorySize: 1024 },
    );
    assert.equal(error, undefined, JSON.stringify(payload));
    const { megabytes, code } = payload as { megabytes: number; code: string };
    assert.equal(code, 'No space left on device');
    assert.ok(megabytes > 400 && megabytes <= 512, `${megabytes} MB`);
  });

  test('inodes: /tmp takes a limited number of files', { timeout: TEST_MS_MAX }, async () => {
    const { payload, error } = await beside(
      `
import os
def handler(event, context):
    made = 0
    try:
        while made < 2_000_000:
            os.close(os.open(f'/tmp/{made}', os.O_CREAT | os.O_WRONLY))
            made += 1
        return None
    except OSError as e:
        return {'made': made, 'code': e.strerror}
`,
      { MemorySize: 1024, Timeout: 60 },
    );
    assert.equal(error, undefined, JSON.stringify(payload));
    assert.equal((payload as { code: string }).code, 'No space left on device');
  });

  test('descriptors: a process has 1,024', { timeout: TEST_MS_MAX }, async () => {
    const { payload } = await beside(`
def handler(event, context):
    kept = []
    try:
        while len(kept) < 5000:
            kept.append(open('/dev/null'))
    except OSError as e:
        return {'open': len(kept), 'code': e.strerror}
`);
    const { open, code } = payload as { open: number; code: string };
    assert.equal(code, 'Too many open files');
    assert.ok(open > 900 && open < 1024, `${open} descriptors`);
  });

  test('log: a flood is cut, and says so', { timeout: TEST_MS_MAX }, async () => {
    const { payload, log } = await beside(
      `
import os
def handler(event, context):
    line = b'x' * 1000 + b'\\n'
    for _ in range(200):
        os.write(1, line * 1000)
    return 'flooded'
`,
      { MemorySize: 512 },
    );
    assert.equal(payload, 'flooded');
    assert.match(log, /LOGS_DROPPED|platform\.logsDropped/);
  });

  test('response: one without an end is refused at 6 MB', { timeout: TEST_MS_MAX }, async () => {
    const { payload, error } = await beside(
      `
import os, socket
def handler(event, context):
    host, port = os.environ['AWS_LAMBDA_RUNTIME_API'].split(':')
    s = socket.create_connection((host, int(port)))
    path = f'/2018-06-01/runtime/invocation/{context.aws_request_id}/response'
    s.sendall(f'POST {path} HTTP/1.1\\r\\nHost: x\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n'.encode())
    try:
        while True:
            s.sendall(b'10000\\r\\n' + b'x' * 65536 + b'\\r\\n')
    except OSError:
        os._exit(0)
`,
      { Timeout: 5 },
    );
    assert.equal(error, 'Unhandled');
    const { errorType } = payload as { errorType: string };
    assert.match(errorType, /^(Function\.ResponseSizeTooLarge|Sandbox\.Timedout|Runtime\.ExitError)$/);
  });

  test('connections: thousands to the Runtime API', { timeout: TEST_MS_MAX }, async () => {
    const { payload } = await beside(
      `
import os, socket
def handler(event, context):
    host, port = os.environ['AWS_LAMBDA_RUNTIME_API'].split(':')
    made = 0
    for _ in range(20):
        kept = []
        for _ in range(400):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex((host, int(port)))
            kept.append(s)
            made += 1
        for s in kept:
            s.close()
    return made
`,
      { MemorySize: 512 },
    );
    assert.equal(payload, 8000);
  });
});
