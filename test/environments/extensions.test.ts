/** Extensions as real processes beside a real runtime: runtime-facts 2, "Life" and "Shutdown". */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DeleteFunctionCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { createScripted, logWith, run, runQuickly, WATCHER } from './scripted.ts';

let server: TestServer;
let client: LambdaClient;

before(async () => {
  server = await startTestServer();
  client = server.client();
});
after(() => server.stop());

describe('an extension', { timeout: 120_000 }, () => {
  it('registers before the runtime starts and hears of invokes and of the end', async () => {
    const register = `
answer = register("told", ["SHUTDOWN", "INVOKE", "INVOKE"], {"Lambda-Extension-Accept-Feature": "other, accountId"})
say(f"registered {answer.status} {answer.headers['content-type']} {answer.body.decode().strip()}")
identifier = answer.headers["lambda-extension-identifier"]
while True:
    event = next_of(identifier)
    say(f"{event.status} {event.headers['content-type']} {len(event.headers['lambda-extension-event-identifier'])} {event.body.decode()}")
    if b"SHUTDOWN" in event.body: break`;
    await createScripted(client, 'told', {
      extensions: { told: register, 'folder/no-extension': 'say("never")' },
      init: 'import signal\nsay("runtime starts")\nsignal.signal(signal.SIGTERM, lambda *_: (say("runtime ends"), os._exit(0)))',
    });
    const { payload, requestId } = await run(client, 'told');
    assert.equal(payload, 'ok');
    await client.send(new DeleteFunctionCommand({ FunctionName: 'told' }));
    const log = await logWith(server, 'told', /SHUTDOWN"/);
    assert.match(
      log,
      /^registered 200 application\/json \{"accountId":"000000000000","functionName":"told","functionVersion":"\$LATEST","handler":"the\.handler"\}\nruntime starts\nEXTENSION\tName: told\tState: Ready\tEvents: \[INVOKE, SHUTDOWN\]\nSTART /,
    );
    const invoked = /200 application\/json 36 (\{"eventType":"INVOKE".*\})/.exec(log)?.[1] ?? '';
    const { deadlineMs, tracing, ...rest } = JSON.parse(invoked);
    assert.deepEqual(rest, {
      eventType: 'INVOKE',
      requestId,
      invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:told',
    });
    assert.ok(deadlineMs > 1_700_000_000_000);
    assert.equal(tracing.type, 'X-Amzn-Trace-Id');
    assert.match(tracing.value, /^Root=1-/);
    assert.match(
      log,
      /REPORT .*\nruntime ends\n200 application\/json 36 \{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":\d{13}\}\n$/,
    );
    assert.doesNotMatch(log, /never/);
  });

  it('has the function’s variables, but not those of the runtime', async () => {
    await createScripted(client, 'variables', {
      extensions: { shows: 'say(json.dumps(dict(os.environ)))\nrun_extension([])' },
      variables: { MINE: 'yes' },
    });
    await run(client, 'variables');
    const log = await logWith(server, 'variables', /^\{.*\}$/m);
    const variables = JSON.parse(/^\{.*\}$/m.exec(log)?.[0] ?? '');
    for (const name of [
      'MINE',
      'AWS_REGION',
      'AWS_ACCESS_KEY_ID',
      'AWS_LAMBDA_FUNCTION_NAME',
      'AWS_LAMBDA_RUNTIME_API',
      'PATH',
    ])
      assert.ok(variables[name], name);
    const withheld = Object.keys(variables).filter((name) =>
      /^(_.*|AWS_EXECUTION_ENV|AWS_LAMBDA_LOG_.*_NAME|AWS_XRAY_.*|LAMBDA_TASK_ROOT|LAMBDA_RUNTIME_DIR)$/.test(name),
    );
    // Python's own, from where it found itself.
    assert.deepEqual(
      withheld.filter((name) => name !== '_'),
      [],
    );
  });

  it('holds the invoke until it is done, after the caller has his answer; its time counts', async () => {
    const slow = `
def work(event):
    while event["eventType"] == "INVOKE" and not os.path.exists("/tmp/go"): time.sleep(0.01)
    say("slow is done")
run_extension(["INVOKE"], work)`;
    await createScripted(client, 'slow', {
      extensions: { slow, quick: WATCHER },
      LoggingConfig: { LogFormat: 'JSON', SystemLogLevel: 'DEBUG' },
    });
    const script = 'respond(event, "early")\nopen("/tmp/go", "w").close()';
    assert.deepEqual(await runQuickly(client, 'slow', script), { payload: 'early', error: undefined });
    const log = await logWith(server, 'slow', /platform\.report/);
    const records = log
      .split('\n')
      .filter((line) => line.startsWith('{"time"'))
      .map((line) => JSON.parse(line));
    const at = (type: string) => records.findIndex((record) => record.type === type);
    assert.ok(log.indexOf('slow is done') < log.indexOf('"platform.report"'), log);
    assert.deepEqual(
      records[at('platform.report')].record.spans.map(({ name }: { name: string }) => name),
      ['extensionOverhead'],
    );
    assert.deepEqual(
      records[at('platform.runtimeDone')].record.spans.map(({ name }: { name: string }) => name),
      ['responseLatency', 'responseDuration', 'runtimeOverhead'],
    );
    assert.deepEqual(
      records.filter(({ type }) => type === 'platform.extension').map(({ record }) => record),
      [
        { name: 'quick', state: 'Ready', events: ['INVOKE', 'SHUTDOWN'] },
        { name: 'slow', state: 'Ready', events: ['INVOKE'] },
      ],
    );
  });

  it('that never comes back is timed out with the invoke; the others hear why, and all start anew', async () => {
    const hangs = `
def work(event):
    if os.path.exists("/tmp/hung"): return
    open("/tmp/hung", "w").close()
    time.sleep(60)
run_extension(["INVOKE"], work)`;
    await createScripted(client, 'hangs', { Timeout: 5, extensions: { hangs, watcher: WATCHER } });
    assert.deepEqual(await runQuickly(client, 'hangs', 'respond(event, 1)'), { payload: 1, error: undefined });
    const log = await logWith(server, 'hangs', /Status: timeout/);
    assert.match(log, /watcher ends: timeout\nEND .*\nREPORT .*Duration: 5000\.00 ms\t.*Status: timeout\n/);
    // /tmp is still there, so this time it does not hang.
    assert.equal((await run(client, 'hangs')).payload, 'ok');
  });
});

describe('an internal extension of a Node function', { timeout: 60_000 }, () => {
  it('hears of invokes', async () => {
    await createFunction(client, 'node-inner', {
      files: {
        'index.mjs': `
          const base = 'http://' + process.env.AWS_LAMBDA_RUNTIME_API + '/2020-01-01/extension/';
          const answer = await fetch(base + 'register', {
            method: 'POST', headers: { 'Lambda-Extension-Name': 'inner' }, body: '{"events":["INVOKE"]}' });
          const headers = { 'Lambda-Extension-Identifier': answer.headers.get('lambda-extension-identifier') };
          const heard = [];
          (async () => { for (;;) heard.push((await (await fetch(base + 'event/next', { headers })).json()).requestId); })();
          export const handler = async (event, context) => {
            while (!heard.includes(context.awsRequestId)) await new Promise((resolve) => setTimeout(resolve, 5));
            return heard.length;
          };`,
      },
    });
    assert.equal((await invokeFunction(client, 'node-inner')).payload, 1);
    const { payload, log } = await invokeFunction(client, 'node-inner');
    assert.equal(payload, 2);
    assert.doesNotMatch(log, /EXTENSION/);
  });
});

describe('the end', { timeout: 60_000 }, () => {
  it('is told to extensions that are plain processes too', async () => {
    const plain = await startTestServer({ args: ['--sandbox', 'process'] });
    try {
      await createScripted(plain.client(), 'f', {
        extensions: { watcher: WATCHER, deaf: 'run_extension(["INVOKE"])' },
      });
      const { payload, log } = await run(plain.client(), 'f');
      assert.equal(payload, 'ok');
      assert.match(log, /EXTENSION\tName: deaf\tState: Ready\tEvents: \[INVOKE\]\n/);
      await plain.client().send(new DeleteFunctionCommand({ FunctionName: 'f' }));
      await logWith(plain, 'f', /watcher ends: spindown\n$/);
    } finally {
      await plain.stop();
    }
  });

  it('of the server is told to extensions too', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'lambdad-extensions-'));
    try {
      const first = await startTestServer({ dataDir });
      await createScripted(first.client(), 'f', {
        extensions: { watcher: WATCHER, deaf: 'run_extension(["INVOKE"])' },
      });
      assert.equal((await run(first.client(), 'f')).payload, 'ok');
      await first.stop();
      const second = await startTestServer({ dataDir });
      try {
        assert.match(await logWith(second, 'f', /REPORT/), /watcher ends: spindown\n$/);
      } finally {
        await second.stop();
      }
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  });

  it('of an idle environment is told to extensions', async () => {
    const brief = await startTestServer({ args: ['--idle-seconds', '1'] });
    try {
      await createScripted(brief.client(), 'f', { extensions: { watcher: WATCHER } });
      await run(brief.client(), 'f');
      assert.match(await logWith(brief, 'f', /ends/), /"shutdownReason": "spindown".*\nwatcher ends: spindown\n$/);
    } finally {
      await brief.stop();
    }
  });
});
