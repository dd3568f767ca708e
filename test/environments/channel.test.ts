/** The connection to its Runtime API that a bootstrap of lambdad's finds standing, instead of one that it opens over TCP. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { hasChannels } from '../../native/launcher-harness.ts';
import { machinePrograms } from '../../src/runtimes/machine-programs.ts';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const skip = hasChannels && process.getuid?.() === 0 ? false : 'only root on Linux 6.16 or later surely has channels';

/** What the function is at its descriptor 4, its connections over TCP, and what a child of it has at 4. */
interface Seen {
  readonly isSocket: boolean;
  readonly connections: number;
  readonly child: string;
}

const ESTABLISHED = ' 01 ';
const NODE = `
const { fstatSync, readFileSync } = require('node:fs');
const { execSync } = require('node:child_process');
exports.handler = async () => ({
  isSocket: fstatSync(4).isSocket(),
  connections: readFileSync('/proc/net/tcp', 'utf8').split('\\n').filter((line) => line.includes('${ESTABLISHED}')).length,
  child: execSync('readlink /proc/self/fd/4 || echo none').toString(),
});`;
const PYTHON = `
import os, socket, stat, subprocess
def handler(event, context):
    if event.get("sends"):
        channel = socket.socket(fileno=os.dup(4))
        try:
            socket.send_fds(channel, [b"x"], [0])
            return "sent"
        except OSError as error:
            return error.strerror
        finally:
            channel.close()
    with open("/proc/net/tcp") as table:
        connections = sum("${ESTABLISHED}" in line for line in table)
    child = subprocess.run(["/bin/sh", "-c", "readlink /proc/self/fd/4 || echo none"], close_fds=False, capture_output=True)
    is_socket = stat.S_ISSOCK(os.fstat(4).st_mode)
    return {"isSocket": is_socket, "connections": connections, "child": child.stdout.decode()}
`;

const python = (await machinePrograms('python', process.env).known()).find(
  ({ version }) => Number(version.slice(2)) >= 10,
);

for (const prestart of ['0', '2'])
  describe(`a runtime's channel, --prestart ${prestart}`, { skip, timeout: 60_000 }, () => {
    let server: TestServer;
    let client: LambdaClient;

    before(async () => {
      server = await startTestServer({ args: ['--prestart', prestart] });
      client = server.client();
      await createFunction(client, 'node', { files: { 'index.js': NODE } });
      if (python)
        await createFunction(client, 'python', {
          Runtime: `python${python.version}` as 'python3.13',
          files: { 'index.py': PYTHON },
        });
    });
    after(() => server.stop());

    const own: Seen = { isSocket: true, connections: 0, child: 'none\n' };

    it('is where the function asks for events, and none of its children has it', async () => {
      assert.deepEqual((await invokeFunction(client, 'node')).payload, own);
    });

    it('is there for Python as well, and takes no descriptors along', { skip: !python && 'no Python' }, async () => {
      assert.deepEqual((await invokeFunction(client, 'python')).payload, own);
      assert.equal((await invokeFunction(client, 'python', { sends: true })).payload, 'Operation not permitted');
      assert.deepEqual((await invokeFunction(client, 'python')).payload, own);
    });

    it('is not given through a wrapper, which may leave it to others', async () => {
      await createFunction(client, 'wrapped', {
        files: {
          'index.js': NODE.replace('fstatSync(4).isSocket()', 'false'),
          wrap: { content: '#!/bin/sh\nls /proc/self/fd >&2\nexec "$@"\n', mode: 0o755 },
        },
        Environment: { Variables: { AWS_LAMBDA_EXEC_WRAPPER: '/var/task/wrap' } },
      });
      const { payload, log } = await invokeFunction(client, 'wrapped');
      assert.equal((payload as Seen).connections, 2);
      // Three and the log's; the listing has its own at 4 while it looks.
      assert.match(log, /^0\n1\n2\n3\n4\n(?!5\n)/m);
    });
  });
