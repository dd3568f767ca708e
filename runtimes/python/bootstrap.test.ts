import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type PythonFound, pythons, startPythonFunction } from './python-runtime.ts';

const echo = 'def handler(event, context):\n    return event\n';

function payload(posted: { body: Buffer }) {
  return JSON.parse(posted.body.toString());
}

for (const python of pythons) {
  describe(`python3.${python.minor}`, () => {
    results(python);
    contextObject(python);
    modulePath(python);
    lookup(python);
    failures(python);
    oddFailures(python);
    connection(python);
  });
}

it('has met a Python before 3.12 and one from there on', {
  skip: pythons.length < 2 ? 'fewer than two Pythons here' : false,
}, () => {
  assert.ok(pythons.some(({ minor }) => minor < 12));
  assert.ok(pythons.some(({ minor }) => minor >= 12));
});

function results(python: PythonFound): void {
  it('answers one event after the other over a single connection', async (test) => {
    const { api } = await startPythonFunction(test, python, echo);
    for (const event of [{ n: 1 }, 'é€😀', null, [1, 'x']]) {
      const posted = await api.invoke(JSON.stringify(event));
      assert.equal(posted.kind, 'response');
      assert.deepEqual(payload(posted), event);
      assert.equal(posted.headers['content-type'], 'application/json');
    }
    assert.equal(api.connections(), 1);
  });

  it('writes JSON as its version does', async (test) => {
    const source = `from decimal import Decimal
def handler(event, context):
    return {"t": "é", "d": [Decimal("1.10"), Decimal("1E+2"), Decimal("NaN")], "f": float("inf"), "u": (1, 2), "n": None}
`;
    const { api } = await startPythonFunction(test, python, source);
    const text = python.minor >= 12 ? 'é' : '\\u00e9';
    const expected = `{"t": "${text}", "d": [1.10, 1E+2, NaN], "f": Infinity, "u": [1, 2], "n": null}`;
    assert.equal((await api.invoke({})).body.toString(), expected);
  });

  it('writes named tuples as objects, other tuples as arrays, and refuses what holds itself', async (test) => {
    const source = `from collections import namedtuple, OrderedDict
Point = namedtuple("Point", "x y")
def handler(event, context):
    if event == "itself":
        value = [Point(1, 2)]
        value.append(value)
        return value
    return {"p": [(Point(1, Point((1,), None)),)], "o": OrderedDict(a=Point(True, "t"))}
`;
    const { api } = await startPythonFunction(test, python, source);
    const expected = '{"p": [[{"x": 1, "y": {"x": [1], "y": null}}]], "o": {"a": {"x": true, "y": "t"}}}';
    assert.equal((await api.invoke({})).body.toString(), expected);
    assert.equal(payload(await api.invoke('"itself"')).errorType, 'Runtime.MarshalError');
    assert.equal((await api.invoke({})).body.toString(), expected);
  });

  it('sends bytes as they are', async (test) => {
    const source = 'def handler(event, context):\n    return bytes([0, 255, 10])\n';
    const { api } = await startPythonFunction(test, python, source);
    const posted = await api.invoke({});
    assert.deepEqual([...posted.body], [0, 255, 10]);
    assert.equal(posted.headers['content-type'], 'application/unknown');
  });

  it('hands over bytes when the event is not JSON', async (test) => {
    const source = 'def handler(event, context):\n    return [type(event).__name__, len(event)]\n';
    const { api } = await startPythonFunction(test, python, source);
    assert.deepEqual(payload(await api.invoke('raw', { 'Content-Type': 'text/plain' })), ['bytes', 3]);
  });

  it('carries 6 MB both ways', async (test) => {
    const { api } = await startPythonFunction(test, python, echo);
    const text = 'é0123456789'.repeat(400_000);
    assert.deepEqual(payload(await api.invoke({ text })), { text });
    assert.deepEqual(payload(await api.invoke({ small: true })), { small: true });
  });

  it('reads chunked events', async (test) => {
    const { api } = await startPythonFunction(test, python, echo);
    api.sendChunked();
    const event = { text: 'x'.repeat(200_000) };
    assert.deepEqual(payload(await api.invoke(event)), event);
    assert.deepEqual(payload(await api.invoke({ a: 1 })), { a: 1 });
  });
}

function contextObject(python: PythonFound): void {
  it('hands over the context object', async (test) => {
    const source = `import os
def handler(event, context):
    c = context
    return {
        "members": [c.function_name, c.function_version, c.memory_limit_in_mb, c.log_group_name, c.log_stream_name],
        "id": c.aws_request_id, "arn": c.invoked_function_arn, "tenant": c.tenant_id,
        "left": c.get_remaining_time_in_millis(),
        "client": [c.client_context.custom, c.client_context.env, c.client_context.client.app_title],
        "identity": [c.identity.cognito_identity_id, c.identity.cognito_identity_pool_id],
        "trace": os.environ.get("_X_AMZN_TRACE_ID"), "repr": repr(c), "type": str(type(c)),
    }
`;
    const { api } = await startPythonFunction(test, python, source);
    const posted = await api.invoke(
      {},
      {
        'Lambda-Runtime-Client-Context': '{"custom":{"a":"b"},"env":{"e":1},"client":{"app_title":"t"}}',
        'Lambda-Runtime-Cognito-Identity': '{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}',
        'Lambda-Runtime-Aws-Tenant-Id': 't1',
      },
    );
    const seen = payload(posted);
    const stream = '2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef';
    assert.deepEqual(seen.members, ['f', '$LATEST', '128', '/aws/lambda/f', stream]);
    assert.deepEqual(
      [seen.id, seen.arn, seen.tenant],
      [posted.id, 'arn:aws:lambda:us-east-1:123456789012:function:f', 't1'],
    );
    assert.ok(seen.left > 0 && seen.left <= 3000);
    assert.deepEqual(seen.client, [{ a: 'b' }, { e: 1 }, 't']);
    assert.deepEqual(seen.identity, ['i', 'p']);
    assert.match(seen.trace, /^Root=1-/);
    assert.match(seen.repr, /^LambdaContext\(\[aws_request_id=.*,identity=CognitoIdentity\(\[cognito_identity_id=i,/);
    assert.equal(seen.type, "<class 'awslambdaric.lambda_context.LambdaContext'>");
  });

  it('leaves out what the event does not bring', async (test) => {
    const source = `import os
from awslambdaric.lambda_context import LambdaContext
def handler(event, context):
    return [context.client_context, context.identity.cognito_identity_id, context.tenant_id, isinstance(context, LambdaContext),
            "_X_AMZN_TRACE_ID" in os.environ, context.get_remaining_time_in_millis()]
`;
    const { api } = await startPythonFunction(test, python, source);
    await api.invoke({});
    const past = { 'Lambda-Runtime-Deadline-Ms': '1' };
    assert.deepEqual(payload(await api.invoke({}, past)), [null, null, null, true, true, 0]);
  });

  it('fails an event whose client context is no JSON', async (test) => {
    const { api } = await startPythonFunction(test, python, echo);
    const { errorType, errorMessage } = payload(await api.invoke({}, { 'Lambda-Runtime-Client-Context': '{' }));
    assert.equal(errorType, 'Runtime.LambdaContextUnmarshalError');
    assert.match(errorMessage, /^Unable to parse Client Context JSON: /);
  });
}

function modulePath(python: PythonFound): void {
  it('orders the module path as AWS does', async (test) => {
    const source =
      'import sys\ndef handler(event, context):\n    return {"path": sys.path, "argv": sys.argv, "main": __name__}\n';
    const { api, taskRoot } = await startPythonFunction(test, python, source);
    const seen = payload(await api.invoke({}));
    const version = `python3.${python.minor}`;
    assert.deepEqual(seen.path.slice(0, 3), [taskRoot, `/opt/python/lib/${version}/site-packages`, '/opt/python']);
    const ours = seen.path.indexOf(import.meta.dirname);
    const standard = seen.path.findIndex((entry: string) => entry.endsWith(version));
    assert.ok(ours >= 3 && ours < standard, `runtime folder at ${ours}, standard library at ${standard}`);
    assert.equal(seen.argv.length, 1);
    assert.match(seen.argv[0], /bootstrap\.py$/);
  });
}

function lookup(python: PythonFound): void {
  const found: [handler: string, files: Record<string, string>][] = [
    ['app.handler', { 'app.py': echo }],
    ['pkg/sub/app.handler', { 'pkg/sub/app.py': echo }],
    ['pkg.app.handler', { 'pkg/__init__.py': '', 'pkg/app.py': echo }],
    [
      'client.handler',
      { 'client.py': 'import logs, errors\nfrom errors import handler\n', 'logs.py': '', 'errors.py': echo },
    ],
  ];
  for (const [handler, files] of found) {
    it(`finds ${handler}`, async (test) => {
      const { api } = await startPythonFunction(test, python, files, { handler });
      assert.equal(payload(await api.invoke('"here"')), 'here');
    });
  }

  const refused: [handler: string, source: string, type: string, message: RegExp][] = [
    [
      'app',
      echo,
      'Runtime.MalformedHandlerName',
      /^Bad handler 'app': not enough values to unpack \(expected 2, got 1\)$/,
    ],
    ['sys.handler', echo, 'Runtime.BuiltInModuleConflict', /^Cannot use built-in module sys as a handler module$/],
    ['gone.handler', echo, 'Runtime.ImportModuleError', /^Unable to import module 'gone': No module named 'gone'$/],
    [
      'app.handler',
      'import gone_too\n',
      'Runtime.ImportModuleError',
      /^Unable to import module 'app': No module named 'gone_too'$/,
    ],
    [
      'app.handler',
      'def handler(:\n',
      'Runtime.UserCodeSyntaxError',
      /^Syntax error in module 'app': .*\(app\.py, line 1\)$/,
    ],
    ['app.nothing', echo, 'Runtime.HandlerNotFound', /^Handler 'nothing' missing on module 'app'$/],
    ['app.handler', 'raise KeyError("at load")\n', 'KeyError', /^'at load'$/],
  ];
  for (const [handler, source, type, message] of refused) {
    it(`refuses ${handler} with ${type}: ${message}`, async (test) => {
      const run = await startPythonFunction(test, python, source, { handler });
      const posted = await run.api.initError();
      assert.equal(posted.headers['lambda-runtime-function-error-type'], type);
      const { errorType, errorMessage, requestId, stackTrace } = payload(posted);
      assert.equal(errorType, type);
      assert.match(errorMessage, message);
      assert.equal(requestId, python.minor === 8 ? undefined : '');
      assert.ok(Array.isArray(stackTrace));
      assert.equal(await run.ended, 1);
      const [warning, error] = run.stdout().split(/(?<=\n)/);
      assert.match(
        warning!,
        /^\[WARNING\]\t\S+Z\t\tLAMBDA_WARNING: Unhandled exception\. .*runtimes-update\.html\r\n$/,
      );
      assert.ok(error!.startsWith(`[ERROR] ${type}: `));
      assert.match(error!, /\rTraceback \(most recent call last\):/);
    });
  }
}

function failures(python: PythonFound): void {
  it('posts and logs a raised error', async (test) => {
    const source = 'def handler(event, context):\n    raise ValueError("bad value")\n';
    const run = await startPythonFunction(test, python, source);
    const posted = await run.api.invoke({});
    assert.equal(posted.kind, 'error');
    assert.equal(posted.headers['lambda-runtime-function-error-type'], 'ValueError');
    const frame = `  File "${run.taskRoot}/app.py", line 2, in handler\n    raise ValueError("bad value")\n`;
    const expected: Record<string, unknown> = {
      errorMessage: 'bad value',
      errorType: 'ValueError',
      stackTrace: [frame],
    };
    if (python.minor > 8) expected['requestId'] = posted.id;
    assert.deepEqual(payload(posted), expected);
    await run.logged(/raise ValueError/);
    const logged = `[ERROR] ValueError: bad value\rTraceback (most recent call last):\r${frame.trimEnd()}\n`;
    assert.equal(
      run.stdout(),
      logged.replace('  File', '\u00a0\u00a0File').replace('\n    raise', '\r\u00a0\u00a0\u00a0\u00a0raise'),
    );
    const cause = JSON.parse(String(posted.headers['lambda-runtime-function-xray-error-cause']));
    assert.deepEqual(cause, {
      working_directory: run.taskRoot,
      exceptions: [
        {
          message: 'bad value',
          type: 'ValueError',
          stack: [{ label: 'handler', path: `${run.taskRoot}/app.py`, line: 2 }],
        },
      ],
      paths: [`${run.taskRoot}/app.py`],
    });
  });

  it('names what it cannot read or write', async (test) => {
    const source = `def handler(event, context):
    return {"set": {1}, "loop": None, "lone": "\\udc00"}[event] if event != "loop" else loop()
def loop():
    l = []
    l.append(l)
    return l
`;
    const { api } = await startPythonFunction(test, python, source);
    const set = payload(await api.invoke('"set"'));
    assert.equal(set.errorType, 'Runtime.MarshalError');
    assert.equal(set.errorMessage, 'Unable to marshal response: Object of type set is not JSON serializable');
    assert.deepEqual(set.stackTrace, []);
    const loop = payload(await api.invoke('"loop"'));
    assert.equal(loop.errorMessage, 'Unable to marshal response: Circular reference detected');
    const lone = await api.invoke('"lone"');
    assert.equal(lone.kind, python.minor >= 12 ? 'error' : 'response');
    const unread = payload(await api.invoke('{'));
    assert.equal(unread.errorType, 'Runtime.UnmarshalError');
    assert.match(unread.errorMessage, /^Unable to unmarshal input: Expecting property name enclosed in double quotes/);
  });
}

function oddFailures(python: PythonFound): void {
  it('keeps hostile errors out of its header lines', async (test) => {
    const source = `def handler(event, context):
    raise type("A\\r\\nX-Evil: 1", (Exception,), {})(event)
`;
    const { api } = await startPythonFunction(test, python, source);
    const posted = await api.invoke('"é\\n\\u007f"');
    assert.equal(posted.headers['x-evil'], undefined);
    assert.equal(payload(posted).errorMessage, 'é\n\u007f');
    const long = await api.invoke(JSON.stringify('x'.repeat(200_000)));
    assert.equal(long.headers['lambda-runtime-function-xray-error-cause'], undefined);
    assert.equal(payload(long).errorMessage.length, 200_000);
  });

  it('lets sys.exit end the process', async (test) => {
    const run = await startPythonFunction(
      test,
      python,
      'import sys\ndef handler(event, context):\n    sys.exit(event)\n',
    );
    void run.api.invoke('3');
    assert.equal(await run.ended, 3);
  });
}

function connection(python: PythonFound): void {
  it('goes on after a result that was too large', async (test) => {
    const run = await startPythonFunction(test, python, echo);
    run.api.refuseNext({ status: 413 });
    await run.api.invoke('1');
    assert.equal(payload(await run.api.invoke('2')), 2);
    assert.equal(run.stderr(), '');
  });

  it('goes on over a new connection when the server closes the old one with its answer', async (test) => {
    const { api } = await startPythonFunction(test, python, echo);
    api.refuseNext({ status: 413, close: true });
    await api.invoke('1');
    assert.equal(payload(await api.invoke('2')), 2);
    assert.equal(api.connections(), 2);
  });

  it('tells of any other refusal and goes on', async (test) => {
    const run = await startPythonFunction(test, python, echo);
    run.api.refuseNext({ status: 400 });
    await run.api.invoke('1');
    assert.equal(payload(await run.api.invoke('2')), 2);
    await run.logged(/The result was refused with 400: \{"errorMessage":"refused"/);
  });

  it('ends when the connection is lost', async (test) => {
    const run = await startPythonFunction(test, python, echo);
    await run.api.idle();
    await run.api.close();
    assert.equal(await run.ended, 1);
    assert.match(run.stderr(), /The Lambda Runtime API is gone/);
  });
}
