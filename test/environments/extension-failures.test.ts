/** What becomes of init and invokes when extensions fail: runtime-facts 2, "Fatal", and 6. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { startTestServer, type TestServer } from '../support/server.ts';
import { createScripted, type publishExtensions, run, runQuickly, WATCHER } from './scripted.ts';

let server: TestServer;
let client: LambdaClient;

before(async () => {
  server = await startTestServer();
  client = server.client();
});
after(() => server.stop());

describe('an extension that fails', { timeout: 180_000 }, () => {
  interface Failure {
    readonly name: string;
    readonly extensions: Parameters<typeof publishExtensions>[2];
    readonly errorType: string;
    readonly reason: string;
    readonly line: RegExp;
  }
  const failures: readonly Failure[] = [
    {
      name: 'crash-before-register',
      extensions: { ext: 'sys.exit(3)' },
      errorType: 'Extension.Crash',
      reason: 'exit status 3',
      line: /^EXTENSION\tName: ext\tState: Started\tEvents: \[\]$/m,
    },
    {
      name: 'end-before-next',
      extensions: { ext: 'register("ext", ["INVOKE"])' },
      errorType: 'Extension.Crash',
      reason: 'exit code 0',
      line: /^EXTENSION\tName: ext\tState: Registered\tEvents: \[INVOKE\]$/m,
    },
    {
      name: 'killed',
      extensions: { ext: 'import signal\nregister("ext", [])\nos.kill(os.getpid(), signal.SIGUSR1)' },
      errorType: 'Extension.Crash',
      reason: 'signal: user defined signal 1',
      line: /^EXTENSION\tName: ext\tState: Registered\tEvents: \[\]$/m,
    },
    {
      name: 'says-init-error',
      extensions: {
        ext: `
identifier = register("ext", ["SHUTDOWN"]).headers["lambda-extension-identifier"]
say(report(identifier, "init/error", "My.Reason").plain())
say(report(identifier, "init/error", "My.Other").plain())
sys.exit(1)`,
      },
      errorType: 'Extension.InitError',
      reason: 'exit status 1',
      line: /^EXTENSION\tName: ext\tState: InitError\tEvents: \[SHUTDOWN\]\tError Type: My\.Reason$/m,
    },
    {
      name: 'not-executable',
      extensions: { ext: { content: '#!/bin/sh\n', mode: 0o644 } },
      errorType: 'Extension.LaunchError',
      reason: 'fork/exec /opt/extensions/ext: permission denied',
      line: /^EXTENSION\tName: ext\tState: LaunchError\tEvents: \[\]\tError Type: PermissionDenied$/m,
    },
    {
      name: 'no-program',
      extensions: { ext: { content: 'text', mode: 0o755 } },
      errorType: 'Extension.LaunchError',
      reason: 'fork/exec /opt/extensions/ext: exec format error',
      line: /^EXTENSION\tName: ext\tState: LaunchError\tEvents: \[\]\tError Type: UnknownError$/m,
    },
    {
      name: 'eleven',
      extensions: Object.fromEntries(
        Array.from({ length: 11 }, (_, n) => [
          `ext${String(n).padStart(2, '0')}`,
          { content: '#!/bin/sh\nexec sleep 60\n', mode: 0o755 },
        ]),
      ),
      errorType: 'Extension.LaunchError',
      reason: 'ErrTooManyExtensions',
      line: /^EXTENSION\tName: ext10\tState: LaunchError\tEvents: \[\]\tError Type: TooManyExtensions$/m,
    },
  ];

  for (const { name, extensions, errorType, reason, line } of failures)
    it(`at init fails it: ${name}`, async () => {
      await createScripted(client, name, { extensions, init: 'say("the runtime runs")' });
      const { payload, error, log, requestId } = await run(client, name);
      assert.equal(error, 'Unhandled');
      assert.deepEqual(payload, { errorType, errorMessage: `RequestId: ${requestId} Error: ${reason}` });
      assert.match(log, line);
      assert.match(log, new RegExp(`INIT_REPORT .*Phase: init\\tStatus: error\\tError Type: ${errorType}\\n`));
      assert.match(
        log,
        new RegExp(`INIT_REPORT .*Phase: invoke\\t.*\\nSTART .*\\nEND .*\\nREPORT .*Error Type: ${errorType}\\n$`),
      );
    });

  it('at an invoke fails that, and the next one starts anew', async () => {
    const crashes = `
def work(event):
    if not os.path.exists("/tmp/crashed"):
        open("/tmp/crashed", "w").close()
        os._exit(7)
run_extension(["INVOKE"], work)`;
    await createScripted(client, 'crashes', { extensions: { crashes, watcher: WATCHER } });
    const { payload, error, log, requestId } = await run(client, 'crashes', 'time.sleep(60)');
    assert.equal(error, 'Unhandled');
    assert.deepEqual(payload, {
      errorType: 'Extension.Crash',
      errorMessage: `RequestId: ${requestId} Error: exit status 7`,
    });
    assert.match(log, /watcher ends: failure\nEND .*\nREPORT .*Status: error\tError Type: Extension\.Crash\n$/);
    assert.equal((await run(client, 'crashes')).payload, 'ok');
  });

  it('and says exit/error is an Extension.ExitError', async () => {
    const leaves = `
def work(event):
    say(report(identifier, "exit/error", "My.Reason").plain())
    say(report(identifier, "init/error", "My.Reason").body.decode())
    os._exit(1)
identifier = register("leaves", ["INVOKE"]).headers["lambda-extension-identifier"]
work(next_of(identifier))`;
    await createScripted(client, 'leaves', { extensions: { leaves } });
    const { payload, log, requestId } = await run(client, 'leaves', 'time.sleep(60)');
    assert.deepEqual(payload, {
      errorType: 'Extension.ExitError',
      errorMessage: `RequestId: ${requestId} Error: exit status 1`,
    });
    assert.match(log, /\[202, '\{"status":"OK"\}\\n'\]\n/);
    assert.match(log, /State transition from ExitError to InitError failed for extension/);
    assert.match(log, /REPORT .*Error Type: Extension\.ExitError\n$/);
  });

  it('behind the answer costs the next invoke nothing but a new init', async () => {
    await createScripted(client, 'idle-crash', { extensions: { ext: 'run_extension(["SHUTDOWN"])' } });
    const first = await run(client, 'idle-crash', 'kept = os.getpid()\nrespond(event, kept)');
    assert.equal(first.error, undefined);
    const crash = `
respond(event, 1)
import signal, time
def wait_for_end(pid):
    while os.path.exists(f"/proc/{pid}"): time.sleep(0.001)
for name in os.listdir("/proc"):
    if name.isdigit() and b"extensions/ext" in open(f"/proc/{name}/cmdline", "rb").read():
        os.kill(int(name), signal.SIGKILL)
        wait_for_end(name)
# An orphan is taken up only after the server was told of what had ended before: the runtime asks for its next event
# when the end of the extension is known, or the end would come in the middle of the next invoke.
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    if os.fork() == 0: os.write(writer, b"%d" % os.getpid())
    os._exit(0)
os.waitpid(child, 0)
wait_for_end(int(os.read(reader, 16)))`;
    assert.deepEqual(await runQuickly(client, 'idle-crash', crash), { payload: 1, error: undefined });
    assert.equal((await run(client, 'idle-crash')).payload, 'ok');
  });
});
