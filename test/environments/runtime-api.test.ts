/** The Runtime API as a runtime sees it: every answer of runtime-facts 1, and what the caller gets. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { startTestServer, type TestServer } from '../support/server.ts';
import { createScripted, run } from './scripted.ts';

let server: TestServer;
let client: LambdaClient;

before(async () => {
  server = await startTestServer();
  client = server.client();
  await createScripted(client, 'f');
});
after(() => server.stop());

/** What the script has kept in `kept`, told by another event. */
async function kept(): Promise<unknown> {
  return (await run(client, 'f', 'respond(event, kept)')).payload;
}

const INVALID_ID = [400, '{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}\n'];
const ACCEPTED = [202, '{"status":"OK"}\n'];
const TRUNCATED = [400, '{"errorMessage":"HTTP request detected as truncated","errorType":"TruncatedHTTPRequest"}\n'];

function invalidTransition(from: string, to: string) {
  const errorMessage = `State transition from ${from} to ${to} failed for runtime. Error: State transition is not allowed`;
  return [403, `{"errorMessage":"${errorMessage}","errorType":"InvalidStateTransition"}\n`];
}

describe('next', () => {
  it('has the headers of the invoke, and its bytes', async () => {
    const context = Buffer.from('{"client":{"installation_id":"é"}}').toString('base64');
    const command = new InvokeCommand({
      FunctionName: 'f:$LATEST',
      Payload: JSON.stringify({ script: 'respond(event, [event.headers, event.body.decode()])' }),
      ClientContext: context,
    });
    const trace = 'Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1';
    command.middlewareStack.add(
      (next) => (args) => {
        const { headers } = args.request as { headers: Record<string, string> };
        Object.assign(headers, { 'content-type': 'application/json; charset=utf-8', 'x-amzn-trace-id': trace });
        return next(args);
      },
      { step: 'build' },
    );
    const answer = await client.send(command);
    const [headers, body] = JSON.parse(Buffer.from(answer.Payload ?? []).toString());
    const [, ownTrace] = /^(.*);Lineage=1:[0-9a-f]{8}:0$/.exec(headers['lambda-runtime-trace-id']) ?? [];
    assert.equal(ownTrace, trace);
    const deadline = Number(headers['lambda-runtime-deadline-ms']);
    assert.ok(deadline > Date.now() && deadline < Date.now() + 10_000);
    assert.deepEqual(
      { ...headers, 'lambda-runtime-deadline-ms': '', 'lambda-runtime-trace-id': '' },
      {
        'content-type': 'application/json; charset=utf-8',
        'content-length': String(body.length),
        'lambda-runtime-aws-request-id': answer.$metadata.requestId,
        'lambda-runtime-deadline-ms': '',
        'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST',
        'lambda-runtime-trace-id': '',
        'lambda-runtime-client-context': '{"client":{"installation_id":"\\u00e9"}}',
      },
    );
    assert.equal(JSON.parse(body).script, 'respond(event, [event.headers, event.body.decode()])');
  });

  it('is application/json when the caller says a type that is none', async () => {
    const { payload } = await run(client, 'f', 'respond(event, event.headers["content-type"])');
    assert.equal(payload, 'application/json');
  });

  it('gives the same event again while that is worked on', async () => {
    const script = 'again = next_event()\nrespond(event, [id_of(event) == id_of(again), event.body == again.body])';
    assert.deepEqual((await run(client, 'f', script)).payload, [true, true]);
  });

  it('may wait twice: one gets the event, the other the one after', async () => {
    await createScripted(client, 'twice');
    const twice = `
respond(event, "this")
connection.send(bytes_of("GET", NEXT) * 2)
event = connection.read()
other = Connection()
other.call("POST", path_of(event), None, '"first"')
other.ask("GET", NEXT)
event = connection.read()
other.call("POST", path_of(event), None, '"second"')`;
    assert.equal((await run(client, 'twice', twice)).payload, 'this');
    assert.equal((await run(client, 'twice')).payload, 'first');
    assert.equal((await run(client, 'twice')).payload, 'second');
  });

  it('takes a body, answers behind it wait their turn', async () => {
    const script = `
respond(event, 1)
connection.send("GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nContent-Length: 2\\r\\n\\r\\nxy")
connection.send("GET /2018-06-01/ping HTTP/1.1\\r\\n\\r\\n")
event = connection.read()
respond(event, connection.read().plain())`;
    await run(client, 'f', script);
    assert.deepEqual((await run(client, 'f')).payload, [200, 'pong']);
    // That answer's own 202 is what the script's respond() had not read.
    await run(client, 'f', 'connection.read(); respond(event, 1)');
  });
});

describe('paths', () => {
  it('that do not exist are 404, wrong methods 405', async () => {
    const script = `
respond(event, [[path, method, call(method, path).status] for method, path in [
  ("GET", "/2018-06-01/ping"), ("GET", "/2018-06-01/ping?x=y"), ("POST", "/2018-06-01/ping"), ("GET", "/"),
  ("GET", "/2018-06-01/"), ("GET", "/2018-06-01/runtime/restore/next"), ("POST", "/2018-06-01/runtime/restore/error"),
  ("POST", "/2018-06-01/runtime/invocation/next"), ("GET", "/2018-06-01/runtime/init/error"),
  ("GET", path_of(event)), ("PUT", path_of(event, "error")), ("GET", "/2021-04-23/credentials"),
  ("GET", "/2020-01-01/extension/register"), ("POST", "/2020-01-01/extension/event/next"),
  ("POST", "/2020-01-01/extension/toString"), ("GET", "/2020-01-02/extension/register"),
]])`;
    const rows = (await run(client, 'f', script)).payload as [string, string, number][];
    assert.deepEqual(
      rows.map(([, , status]) => status),
      [200, 200, 405, 404, 404, 404, 404, 405, 405, 405, 405, 404, 405, 405, 404, 404],
    );
  });
});

describe('response', () => {
  it('is the payload as it is, also without bytes', async () => {
    await run(client, 'f', 'kept = call("POST", path_of(event), None, "no json").plain()').catch(() => undefined);
    assert.deepEqual(await kept(), ACCEPTED);
    const empty = await client.send(
      new InvokeCommand({ FunctionName: 'f', Payload: JSON.stringify({ script: 'call("POST", path_of(event))' }) }),
    );
    assert.deepEqual([empty.Payload?.length ?? 0, empty.FunctionError], [0, undefined]);
  });

  it('for a foreign id, twice, or without an event is refused and harms nobody', async () => {
    const script = `
foreign = [call("POST", RUNTIME + "invocation/nobody/" + kind).plain() for kind in ("response", "error")]
respond(event, foreign)
kept = [call("POST", path_of(event, kind), None, "1").plain() for kind in ("response", "error")]
connection.send(bytes_of("GET", NEXT) + b"".join(bytes_of("POST", path_of(event, kind)) for kind in ("response", "error")))
event = connection.read()
kept += [connection.read().plain(), connection.read().plain()]
exec(json.loads(event.body)["script"])`;
    assert.deepEqual((await run(client, 'f', script)).payload, [INVALID_ID, INVALID_ID]);
    assert.deepEqual(await kept(), [
      INVALID_ID,
      INVALID_ID,
      invalidTransition('Ready', 'InvocationResponse'),
      invalidTransition('Ready', 'InvocationErrorResponse'),
    ]);
  });

  it('before the first event is for a foreign id', async () => {
    const init = 'early = call("POST", RUNTIME + "invocation/some/response", None, "1").plain()';
    await createScripted(client, 'early', { init });
    assert.deepEqual((await run(client, 'early', 'respond(event, early)')).payload, INVALID_ID);
  });

  it('under way allows nothing else', async () => {
    const script = `
other = Connection()
other.send(f"POST {path_of(event)} HTTP/1.1\\r\\nContent-Length: 4\\r\\n\\r\\n12")
while True:
    during = [call("POST", RUNTIME + "init/error").plain()]
    if "InvocationResponse" in during[0][1]: break
during += [next_event().plain(), call("POST", path_of(event), None, "1").plain()]
other.send("34")
kept = during + [other.read().plain()]`;
    assert.equal((await run(client, 'f', script)).payload, 1234);
    assert.deepEqual(await kept(), [
      invalidTransition('InvocationResponse', 'InitError'),
      invalidTransition('InvocationResponse', 'Ready'),
      invalidTransition('InvocationResponse', 'InvocationResponse'),
      ACCEPTED,
    ]);
  });

  it('that breaks off is Runtime.TruncatedResponse, and the runtime lives on', async () => {
    const script = `
import socket
other = Connection()
other.send(f"POST {path_of(event)} HTTP/1.1\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n5\\r\\nhel")
other.socket.shutdown(socket.SHUT_WR)
kept = other.read().plain()`;
    const { payload, error, log, requestId } = await run(client, 'f', script);
    assert.deepEqual(
      [error, payload],
      [
        'Unhandled',
        {
          errorType: 'Runtime.TruncatedResponse',
          errorMessage: `RequestId: ${requestId} Error: HTTP request detected as truncated`,
        },
      ],
    );
    assert.match(log, /Status: error\tError Type: Runtime\.TruncatedResponse\n$/);
    assert.deepEqual(await kept(), TRUNCATED);
  });

  it('may be streamed: a buffered invoke collects it', async () => {
    const script = `
connection.send(f"POST {path_of(event)} HTTP/1.1\\r\\nLambda-Runtime-Function-Response-Mode: streaming\\r\\n"
  "Content-Type: application/octet-stream\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n")
for piece in ('"ab', 'cd', '"'): connection.send(f"{len(piece):x}\\r\\n{piece}\\r\\n")
connection.send("0\\r\\n\\r\\n")
kept = connection.read().plain()`;
    const { payload, error } = await run(client, 'f', script);
    assert.deepEqual([payload, error], ['abcd', undefined]);
    assert.deepEqual(await kept(), ACCEPTED);
  });

  it('that fails within the stream says so in trailers', async () => {
    const script = `
import base64
error = base64.b64encode(b'{"errorMessage":"m"}').decode()
connection.send(f"POST {path_of(event)} HTTP/1.1\\r\\nLambda-Runtime-Function-Response-Mode: streaming\\r\\n"
  "Transfer-Encoding: chunked\\r\\nTrailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\\r\\n\\r\\n"
  "2\\r\\nab\\r\\n0\\r\\nLambda-Runtime-Function-Error-Type: Runtime.StreamError\\r\\n"
  f"Lambda-Runtime-Function-Error-Body: {error}\\r\\n\\r\\n")
connection.read()`;
    const { payload, error, log } = await run(client, 'f', script);
    assert.deepEqual([payload, error], [{ errorMessage: 'm' }, 'Unhandled']);
    assert.match(log, /Error Type: Runtime\.StreamError\n$/);
  });

  it('of an unknown mode is refused, and the invoke fails', async () => {
    const script = `
kept = [call("POST", path_of(event), {"Lambda-Runtime-Function-Response-Mode": "Streaming"}, "1").plain()]`;
    const { payload, error, requestId } = await run(client, 'f', script);
    const errorType = 'Runtime.InvalidResponseModeHeader';
    assert.deepEqual(
      [error, payload],
      ['Unhandled', { errorType, errorMessage: `RequestId: ${requestId} Error: ${errorType}` }],
    );
    assert.deepEqual(await kept(), [
      [400, '{"errorMessage":"Invalid function response mode","errorType":"InvalidFunctionResponseMode"}\n'],
    ]);
  });

  it('too large is 413 and the function’s error, streamed too, and the runtime lives on', async () => {
    const text = 'Exceeded maximum allowed payload size (6291556 bytes).';
    for (const streamed of ['', ', "Lambda-Runtime-Function-Response-Mode": "streaming"']) {
      const script = `
kept = [os.getpid(), call("POST", path_of(event), {"X": "y"${streamed}}, "x" * 6291557).plain()]`;
      const { payload, error } = await run(client, 'f', script);
      assert.deepEqual(
        [error, payload],
        [
          'Unhandled',
          {
            errorMessage: 'Response payload size exceeded maximum allowed payload size (6291556 bytes).',
            errorType: 'Function.ResponseSizeTooLarge',
          },
        ],
      );
      const { payload: after } = await run(client, 'f', 'respond(event, [os.getpid() == kept[0], kept[1]])');
      assert.deepEqual(after, [true, [413, `{"errorMessage":"${text}","errorType":"RequestEntityTooLarge"}\n`]]);
    }
  });
});

describe('error', () => {
  async function reported(headers: Readonly<Record<string, string>>, body: string) {
    const script = `kept = call("POST", path_of(event, "error"), json.loads(${JSON.stringify(JSON.stringify(headers))}), ${JSON.stringify(body)}).plain()`;
    const answer = await client.send(
      new InvokeCommand({ FunctionName: 'f', LogType: 'Tail', Payload: JSON.stringify({ script }) }),
    );
    const log = Buffer.from(answer.LogResult ?? '', 'base64').toString();
    assert.deepEqual(await kept(), ACCEPTED);
    assert.equal(answer.FunctionError, 'Unhandled');
    return {
      payload: Buffer.from(answer.Payload ?? []).toString(),
      errorType: /Status: error\tError Type: (.*)\n$/.exec(log)?.[1],
    };
  }

  it('is the caller’s payload, its type judged for the log alone', async () => {
    for (const [header, errorType] of [
      ['Runtime.Custom', 'Runtime.Custom'],
      ['Function.Custom', 'Function.Custom'],
      ['Function.custom', 'Function.Unknown'],
      ['Custom', 'Runtime.Unknown'],
      [undefined, 'Runtime.Unknown'],
    ] as const) {
      const headers = header === undefined ? {} : { 'lambda-runtime-FUNCTION-error-type': header };
      const body = '{ "errorType": "Mine" }';
      assert.deepEqual(await reported(headers, body), { payload: body, errorType });
    }
  });

  it('with a cause is its first three members, and what cannot be read is said to be invalid', async () => {
    const headers = {
      'Content-Type': 'application/vnd.aws.lambda.error.cause+json',
      'Lambda-Runtime-Function-Error-Type': 'Runtime.Custom',
      'Lambda-Runtime-Function-XRay-Error-Cause': `{"paths":["${'x'.repeat(900_000)}"]}`,
    };
    const cause = '{"errorCause":{"exceptions":[]},"errorType":"T","stackTrace":["a"],"errorMessage":"m"}';
    const readable = await reported(headers, cause);
    assert.equal(readable.payload, '{"errorMessage":"m","errorType":"T","stackTrace":["a"]}');
    for (const body of ['{', '[]', '{"errorMessage":1}', '{"stackTrace":["a",1]}'])
      assert.equal((await reported(headers, body)).payload, '"Invalid error body"');
    const response = await fetch(`${server.url}/2015-03-31/functions/f/invocations`, {
      method: 'POST',
      headers: {
        Authorization:
          'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0',
      },
      body: JSON.stringify({
        script: `call("POST", path_of(event, "error"), {"Content-Type": "${headers['Content-Type']}"}, "{")`,
      }),
    });
    assert.equal(response.headers.get('content-type'), 'application/octet-stream');
    assert.equal(await response.text(), '"Invalid error body"');
  });
});

describe('init/error', () => {
  it('after init is refused', async () => {
    const { payload } = await run(client, 'f', 'respond(event, call("POST", RUNTIME + "init/error").plain())');
    assert.deepEqual(payload, invalidTransition('Running', 'InitError'));
  });

  it('is what the first invoke gets; nothing else is allowed behind it', async () => {
    const init = `
import time
first = call("POST", RUNTIME + "init/error", {"Lambda-Runtime-Function-Error-Type": "Runtime.Mine"}, '{"errorType":"E"}')
say(f"{first.plain()} {call('POST', RUNTIME + 'init/error').plain()} {next_event().plain()}")
time.sleep(60)`;
    await createScripted(client, 'init-error', { init });
    const { payload, error, log } = await run(client, 'init-error');
    assert.deepEqual([error, payload], ['Unhandled', { errorType: 'E' }]);
    assert.match(log, /INIT_REPORT .*Phase: init\tStatus: error\tError Type: Runtime\.Mine\n/);
    assert.match(
      log,
      /INIT_REPORT .*Phase: invoke\tStatus: error\tError Type: Runtime\.Mine\nSTART .*\nEND .*\nREPORT .*Error Type: Runtime\.Mine\n$/,
    );
  });
});

describe('garbage', () => {
  it('is refused or read away, and harms nobody', async () => {
    const script = `
answers = []
for data in ("no request\\r\\n\\r\\n", "GET /2018-06-01/ping HTTP/1.1\\nHost: x\\n\\n\\r\\n\\r\\n", "POST / HTTP/1.1\\r\\nContent-Length: x\\r\\n\\r\\n"):
    other = Connection()
    other.send(data)
    answers.append(other.read().plain())
many = [Connection() for _ in range(100)]
flood = many[0]
for _ in range(1000): flood.ask("GET", RUNTIME + "invocation/nobody/response")
for other in many: other.socket.close()
respond(event, answers)`;
    const { payload } = await run(client, 'f', script);
    assert.deepEqual(payload, [TRUNCATED, TRUNCATED, TRUNCATED]);
    assert.equal((await run(client, 'f')).payload, 'ok');
  });
});
