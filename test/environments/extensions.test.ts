/** Extensions as real processes beside a real runtime: runtime-facts 2, "Life", "Endpoints" and "Shutdown". */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DeleteFunctionCommand, InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { createScripted, logWith, type publishExtensions, run } from './scripted.ts';

let server: TestServer;
let client: LambdaClient;

before(async () => {
  server = await startTestServer();
  client = server.client();
});
after(() => server.stop());

const WATCHER = `
def heard(event): say("heard " + json.dumps(event))
run_extension(["SHUTDOWN", "INVOKE"], heard)`;

/** Invokes without asking for the log: the answer is not kept back for it. */
async function invokeQuickly(name: string, script: string): Promise<{ payload: unknown; error: string | undefined }> {
  const { Payload, FunctionError } = await client.send(
    new InvokeCommand({ FunctionName: name, Payload: JSON.stringify({ script }) }),
  );
  return { payload: JSON.parse(Buffer.from(Payload ?? []).toString()), error: FunctionError };
}

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
    assert.deepEqual(await invokeQuickly('slow', script), { payload: 'early', error: undefined });
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
    await createScripted(client, 'hangs', { Timeout: 2, extensions: { hangs, watcher: WATCHER } });
    assert.deepEqual(await invokeQuickly('hangs', 'respond(event, 1)'), { payload: 1, error: undefined });
    const log = await logWith(server, 'hangs', /Status: timeout/);
    assert.match(log, /watcher ends: timeout\nEND .*\nREPORT .*Duration: 2000\.00 ms\t.*Status: timeout\n/);
    // /tmp is still there, so this time it does not hang.
    assert.equal((await run(client, 'hangs')).payload, 'ok');
  });
});

describe('calls that are refused', { timeout: 120_000 }, () => {
  const refused = (errorType: string, errorMessage: string) => [
    403,
    `${JSON.stringify({ errorMessage, errorType })}\n`,
  ];

  it('answer an external extension as AWS does', async () => {
    const unknown = '11111111-2222-3333-4444-555555555555';
    const wrong = `
H = "Lambda-Extension-Identifier"
def ask(method, path, headers=None, body=b""): answers.append(call(method, EXTENSION + path, headers, body).plain())
answers = []
ask("POST", "register", None, "{}")
for body in ("", "{", "x", "[]", '{"events":1}', '{"configurationKeys":["A"],"events":[]}', '{"events":["INVOKE","WAKE<"]}'):
    answers.append(register("wrong", body).plain())
answers.append(register("nobody", ["SHUTDOWN"]).plain())
identifier = register("wrong", ["INVOKE"]).headers["lambda-extension-identifier"]
answers.append(register("wrong", []).plain())
for path in ("event/next", "init/error", "exit/error"):
    method = "GET" if path == "event/next" else "POST"
    ask(method, path)
    ask(method, path, {H: "me"})
    ask(method, path, {H: "${unknown}", "Lambda-Extension-Function-Error-Type": "T"})
ask("POST", "init/error", {H: identifier})
headers = {H: identifier, "Lambda-Extension-Function-Error-Type": "T"}
# All at once: what waits behind the first is judged while that waits for its event.
connection.send(bytes_of("GET", EXTENSION + "event/next", headers) + bytes_of("POST", EXTENSION + "init/error", headers)
  + bytes_of("GET", EXTENSION + "event/next", {H: identifier.upper()}))
answers += [connection.read().plain() for _ in range(3)][1:]
say("ANSWERS " + json.dumps([identifier, answers]))
next_of(identifier)`;
    await createScripted(client, 'wrong', { extensions: { wrong } });
    await run(client, 'wrong');
    const log = await logWith(server, 'wrong', /^ANSWERS .*$/m);
    const [identifier, answers] = JSON.parse(/^ANSWERS (.*)$/m.exec(log)?.[1] ?? '');
    const format = 'InvalidRequestFormat';
    const invalidState = 'Extension.InvalidExtensionState';
    const missing = refused('Extension.MissingExtensionIdentifier', 'Missing Lambda-Extension-Identifier header');
    const invalid = refused('Extension.InvalidExtensionIdentifier', 'Invalid Lambda-Extension-Identifier');
    const transition = (from: string, to: string, who: string) =>
      refused(
        invalidState,
        `State transition from ${from} to ${to} failed for extension ${who}. Error: State transition is not allowed`,
      );
    assert.deepEqual(answers, [
      refused('Extension.InvalidExtensionName', 'Empty extension name'),
      refused(format, 'unexpected end of JSON input'),
      refused(format, 'unexpected end of JSON input'),
      refused(format, "invalid character 'x' looking for beginning of value"),
      refused(format, 'json: cannot unmarshal array into Go value'),
      refused(format, 'json: cannot unmarshal number into Go struct field .events'),
      refused(format, 'configurationKeys are deprecated; use environment variables instead'),
      [403, '{"errorMessage":"WAKE\\u003c: ErrorInvalidEventType","errorType":"Extension.InvalidEventType"}\n'],
      refused('Extension.InvalidEventType', 'SHUTDOWN: ShutdownEventNotSupportedForInternalExtension'),
      transition('Registered', 'Registered', 'wrong'),
      missing,
      invalid,
      refused('Extension.UnknownExtensionIdentifier', `Unknown extension ${unknown}`),
      missing,
      invalid,
      refused('Extension.UnknownExtensionIdentifier', 'Unknown Lambda-Extension-Identifier'),
      missing,
      invalid,
      refused('Extension.UnknownExtensionIdentifier', 'Unknown Lambda-Extension-Identifier'),
      refused('Extension.MissingHeader', 'Lambda-Extension-Function-Error-Type not found'),
      transition('Ready', 'InitError', identifier),
      transition('Ready', 'Ready', identifier),
    ]);
  });

  it('answer an internal one: its name taken, too many, too late', async () => {
    const init = `
answers = [register("outer", []).plain()[1], register("inner", ["SHUTDOWN"]).plain()[1]]
inner = [register(f"inner{n}", ["INVOKE"]) for n in range(10)]
answers += [inner[-1].plain()[1], register("inner1", []).plain()[1]]
polls = []
for one in inner[:-1]:
    polls.append(Connection())
    polls[-1].ask("GET", EXTENSION + "event/next", {"Lambda-Extension-Identifier": one.headers["lambda-extension-identifier"]})`;
    await createScripted(client, 'inner', { init, extensions: { outer: 'run_extension(["INVOKE"])' } });
    const script = `
answers.append(register("late", []).plain()[1])
events = [json.loads(poll.read().body)["requestId"] == id_of(event) for poll in polls]
for one, poll in zip(inner, polls): poll.ask("GET", EXTENSION + "event/next", {"Lambda-Extension-Identifier": one.headers["lambda-extension-identifier"]})
respond(event, [answers, events])`;
    const { payload } = await run(client, 'inner', script);
    const invalid = (text: string) => `{"errorMessage":"${text}","errorType":"Extension.InvalidExtensionState"}\n`;
    const limit = '{"errorMessage":"Extension limit (10) reached","errorType":"Extension.TooManyExtensions"}\n';
    assert.deepEqual(payload, [
      [
        invalid(
          'State transition from Ready to Registered failed for extension outer. Error: State transition is not allowed',
        ),
        '{"errorMessage":"SHUTDOWN: ShutdownEventNotSupportedForInternalExtension","errorType":"Extension.InvalidEventType"}\n',
        limit,
        limit,
        '{"errorMessage":"Extension registration closed already","errorType":"Extension.RegistrationClosed"}\n',
      ],
      Array(9).fill(true),
    ]);
  });

  it('answer an internal one whose name another has', async () => {
    const init = `
identifier = register("same", []).headers["lambda-extension-identifier"]
answer = register("same", []).plain()
poll = Connection()
poll.ask("GET", EXTENSION + "event/next", {"Lambda-Extension-Identifier": "{" + identifier.upper() + "}"})`;
    await createScripted(client, 'same', { init });
    const { payload, log } = await run(client, 'same', 'respond(event, answer)');
    assert.deepEqual(
      payload,
      refused('Extension.InvalidExtensionState', 'Extension with this name already registered'),
    );
    assert.match(log, /^EXTENSION\tName: same\tState: Ready\tEvents: \[\]\nSTART /);
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

  it('while the function is idle costs the next invoke nothing but a new init', async () => {
    await createScripted(client, 'idle-crash', { extensions: { ext: 'run_extension(["SHUTDOWN"])' } });
    const first = await run(client, 'idle-crash', 'kept = os.getpid()\nrespond(event, kept)');
    assert.equal(first.error, undefined);
    const crash = `
respond(event, 1)
import signal
for name in os.listdir("/proc"):
    if name.isdigit() and b"extensions/ext" in open(f"/proc/{name}/cmdline", "rb").read(): os.kill(int(name), signal.SIGKILL)`;
    assert.deepEqual(await invokeQuickly('idle-crash', crash), { payload: 1, error: undefined });
    assert.equal((await run(client, 'idle-crash')).payload, 'ok');
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
