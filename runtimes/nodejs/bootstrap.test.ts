import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { callbackNodes, type NodeFound, nodes, promiseNodes, startNodeFunction } from './node-runtime.ts';

const echo = 'exports.handler = async (event) => event;';

function payload(posted: { body: Buffer }) {
  return JSON.parse(posted.body.toString());
}

for (const node of nodes) {
  describe(`nodejs${node.major}.x`, () => {
    results(node);
    contextObject(node);
    foundHandlers(node);
    refusedHandlers(node);
    failures(node);
    connection(node);
  });
}

function results(node: NodeFound): void {
  it('answers one event after the other over a single connection', async (test) => {
    const { api } = await startNodeFunction(test, node, echo);
    for (const event of [{ n: 1 }, 'é€😀', null, [1, 'x']]) {
      const posted = await api.invoke(JSON.stringify(event));
      assert.equal(posted.kind, 'response');
      assert.deepEqual(payload(posted), event);
      assert.equal(posted.headers['content-type'], 'application/json');
    }
    assert.equal(api.connections(), 1);
  });

  it('shows what --expose-gc shows, and collects', async (test) => {
    const { api } = await startNodeFunction(
      test,
      node,
      `exports.handler = async () => {
        const held = new WeakRef({});
        await new Promise((resolve) => setTimeout(resolve));
        const before = [typeof globalThis.gc, Object.keys(globalThis).includes('gc'), gc === globalThis.gc];
        gc();
        globalThis.gc = 'own';
        return { before, left: held.deref() === undefined, after: gc, option: process.execArgv[0] };
      };`,
    );
    assert.deepEqual(payload(await api.invoke({})), {
      before: ['function', true, true],
      left: true,
      after: 'own',
      option: '--expose-gc',
    });
  });

  it('answers null when nothing is returned', async (test) => {
    const { api } = await startNodeFunction(test, node, 'exports.handler = async () => {};');
    assert.equal((await api.invoke({})).body.toString(), 'null');
  });

  it('carries 6 MB both ways', async (test) => {
    const { api } = await startNodeFunction(test, node, echo);
    const text = 'é0123456789'.repeat(500_000);
    assert.deepEqual(payload(await api.invoke({ text })), { text });
    assert.deepEqual(payload(await api.invoke({ small: true })), { small: true });
  });

  it('reads chunked events', async (test) => {
    const { api } = await startNodeFunction(test, node, echo);
    api.sendChunked();
    const event = { text: 'x'.repeat(200_000) };
    assert.deepEqual(payload(await api.invoke(event)), event);
    assert.deepEqual(payload(await api.invoke({ a: 1 })), { a: 1 });
  });

  it('names the runtime error when a result has no JSON form', async (test) => {
    const { api } = await startNodeFunction(test, node, 'exports.handler = async () => ({ n: 1n });');
    const posted = await api.invoke({});
    assert.equal(posted.kind, 'error');
    const { errorType, errorMessage } = payload(posted);
    assert.equal(errorType, node.major >= 24 ? 'Runtime.JSONStringifyError' : 'Error');
    assert.equal(errorMessage, 'Unable to stringify response body');
  });
}

function contextObject(node: NodeFound): void {
  it('hands over the context object', async (test) => {
    const source = `exports.handler = async (event, context) => {
      const left = context.getRemainingTimeInMillis();
      return { keys: Object.keys(context), left, context, trace: process.env._X_AMZN_TRACE_ID };
    };`;
    const { api } = await startNodeFunction(test, node, source);
    const posted = await api.invoke(
      {},
      {
        'Lambda-Runtime-Client-Context': '{"custom":{"a":"é"}}'.replace('é', '\\u00e9'),
        'Lambda-Runtime-Cognito-Identity': '{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}',
        'Lambda-Runtime-Aws-Tenant-Id': 't1',
      },
    );
    const { keys, left, context, trace } = payload(posted);
    assert.ok(left > 0 && left <= 3000);
    assert.match(trace, /^Root=1-/);
    const members = ['functionName', 'functionVersion', 'memoryLimitInMB', 'logGroupName', 'logStreamName'];
    const fromHeaders = ['clientContext', 'identity', 'invokedFunctionArn', 'awsRequestId', 'tenantId'];
    const expected =
      node.major >= 24
        ? [...fromHeaders, 'xRayTraceId', 'getRemainingTimeInMillis', ...members]
        : [
            'callbackWaitsForEmptyEventLoop',
            'succeed',
            'fail',
            'done',
            ...members,
            ...fromHeaders,
            'getRemainingTimeInMillis',
          ];
    assert.deepEqual(keys.toSorted(), expected.toSorted());
    assert.equal(context.functionName, 'f');
    assert.equal(context.memoryLimitInMB, '128');
    assert.equal(context.awsRequestId, posted.id);
    assert.equal(context.invokedFunctionArn, 'arn:aws:lambda:us-east-1:123456789012:function:f');
    assert.deepEqual(context.clientContext, { custom: { a: 'é' } });
    assert.deepEqual(context.identity, { cognitoIdentityId: 'i', cognitoIdentityPoolId: 'p' });
    assert.equal(context.tenantId, 't1');
  });

  it('starts as AWS starts it: arguments, gc, no trace id without the header', async (test) => {
    const source = `exports.handler = async () => ({
      argv: process.argv.length, entry: process.argv[1], gc: typeof gc, trace: process.env._X_AMZN_TRACE_ID,
      awslambda: Object.keys(awslambda).sort(),
    });`;
    const { api } = await startNodeFunction(test, node, source);
    const seen = payload(await api.invoke({}, { 'Lambda-Runtime-Trace-Id': '' }));
    assert.equal(seen.argv, 2);
    assert.match(seen.entry, /index\.mjs$/);
    assert.equal(seen.gc, 'function');
    assert.equal(seen.trace, undefined);
    const globals = ['HttpResponseStream', 'streamifyResponse'];
    assert.deepEqual(
      seen.awslambda,
      node.major >= 24 ? ['HttpResponseStream', 'InvokeStore', 'streamifyResponse'] : globals,
    );
  });

  it('leaves the global out when asked to', async (test) => {
    const source = 'exports.handler = async () => typeof awslambda;';
    const environment = { AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA: '1' };
    const { api } = await startNodeFunction(test, node, source, { environment });
    assert.equal(payload(await api.invoke({})), 'undefined');
  });
}

function foundHandlers(node: NodeFound): void {
  const found: [name: string, handler: string, files: Record<string, string>][] = [
    ['an ES module by its extension', 'index.handler', { 'index.mjs': 'export const handler = async () => "here";' }],
    ['a CommonJS module by its extension', 'index.handler', { 'index.cjs': 'exports.handler = async () => "here";' }],
    [
      'an ES module by package.json',
      'index.handler',
      { 'package.json': '{"type":"module"}', 'index.js': 'export const handler = async () => "here";' },
    ],
    ['a module in a folder', 'src/app.handler', { 'src/app.js': 'exports.handler = async () => "here";' }],
    ['a nested export', 'index.a.b.handler', { 'index.js': 'exports.a = { b: { handler: async () => "here" } };' }],
    [
      'a package in node_modules',
      'pkg.handler',
      { 'node_modules/pkg/index.js': 'exports.handler = async () => "here";' },
    ],
    [
      'the module with top-level await',
      'index.handler',
      { 'index.mjs': 'const v = await Promise.resolve("here"); export const handler = async () => v;' },
    ],
  ];
  for (const [name, handler, files] of found) {
    it(`finds ${name}`, async (test) => {
      const { api } = await startNodeFunction(test, node, files, { handler });
      assert.equal(payload(await api.invoke({})), 'here');
    });
  }
}

function refusedHandlers(node: NodeFound): void {
  const refused: [handler: string, files: Record<string, string>, type: string, message: RegExp][] = [
    ['index', { 'index.js': echo }, 'Runtime.MalformedHandlerName', /^Bad handler$/],
    [
      '../index.handler',
      { 'index.js': echo },
      'Runtime.MalformedHandlerName',
      /^'\.\.\/index\.handler' is not a valid handler name\. Use absolute paths when specifying root directories in handler names\.$/,
    ],
    ['index.nothing', { 'index.js': echo }, 'Runtime.HandlerNotFound', /^index\.nothing is undefined or not exported$/],
    ['index.x', { 'index.js': 'exports.x = 1;' }, 'Runtime.HandlerNotFound', /^index\.x is not a function$/],
    [
      'gone.handler',
      { 'index.js': echo },
      'Runtime.ImportModuleError',
      /^Error: Cannot find module 'gone'\nRequire stack:\n- .*index\.mjs$/,
    ],
    [
      'index.handler',
      { 'index.js': 'require("gone-too");' },
      'Runtime.ImportModuleError',
      /^Error: Cannot find module 'gone-too'\nRequire stack:\n- .*index\.js/,
    ],
    ['index.handler', { 'index.js': 'exports.handler = (' }, 'Runtime.UserCodeSyntaxError', /^SyntaxError: /],
    [
      'index.handler',
      { 'index.js': 'import fs from "node:fs"; export const handler = async () => {};' },
      'Runtime.UserCodeSyntaxError',
      /^SyntaxError: Cannot use import statement outside a module/,
    ],
    ['index.handler', { 'index.js': 'throw new RangeError("at load")' }, 'RangeError', /^at load$/],
  ];
  // Node 20.19 and later take such a file for an ES module, and nothing on AWS tells them not to.
  if (node.major === 20)
    refused.splice(
      refused.findIndex(([, , , message]) => /import statement/.test(message.source)),
      1,
    );
  for (const [handler, files, type, message] of refused) {
    it(`refuses ${handler} with ${type}: ${message}`, async (test) => {
      const run = await startNodeFunction(test, node, files, { handler });
      const posted = await run.api.initError();
      assert.equal(posted.headers['lambda-runtime-function-error-type'], type);
      const { errorType, errorMessage, trace } = payload(posted);
      assert.equal(errorType, type);
      assert.match(errorMessage, message);
      assert.ok(Array.isArray(trace) && trace.length > 0);
      assert.equal(await run.ended, node.major >= 24 ? 1 : 129);
      const id = node.major >= 24 ? '-' : 'undefined';
      const title = node.major >= 24 ? 'Init Error' : 'Uncaught Exception';
      assert.match(run.stdout(), new RegExp(`^\\S+Z\\t${id}\\tERROR\\t${title} \\t\\{"errorType":"${type}"`, 'm'));
    });
  }
}

function failures(node: NodeFound): void {
  it('posts and logs a thrown error', async (test) => {
    const source = 'exports.handler = async () => { throw Object.assign(new TypeError("bad"), { code: "E1" }); };';
    const run = await startNodeFunction(test, node, source);
    const posted = await run.api.invoke({});
    assert.equal(posted.kind, 'error');
    assert.equal(posted.headers['lambda-runtime-function-error-type'], 'TypeError');
    const { errorType, errorMessage, trace } = payload(posted);
    assert.deepEqual([errorType, errorMessage, trace[0]], ['TypeError', 'bad', 'TypeError: bad']);
    assert.match(trace[1], /^ {4}at .*handler .*index\.js:1:/);
    await run.logged(/Invoke Error/);
    const [line] = run.stdout().split('\n');
    const [time, id, level, text, json] = line!.split('\t');
    assert.match(time!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual([id, level, text], [posted.id, 'ERROR', 'Invoke Error ']);
    const logged = JSON.parse(json!);
    assert.deepEqual(Object.keys(logged), ['errorType', 'errorMessage', 'code', 'stack']);
    assert.equal(logged.code, 'E1');
    const cause = JSON.parse(String(posted.headers['lambda-runtime-function-xray-error-cause']));
    assert.equal(cause.working_directory, run.taskRoot);
    assert.deepEqual([cause.exceptions[0].type, cause.exceptions[0].message], ['TypeError', 'bad']);
    assert.equal(cause.exceptions[0].stack[0].line, 1);
    assert.ok(cause.paths.includes(`${run.taskRoot}/index.js`));
  });

  it('posts what is thrown that is no error', async (test) => {
    const source = 'exports.handler = async (event) => { throw event.thing; };';
    const { api } = await startNodeFunction(test, node, source);
    assert.deepEqual(payload(await api.invoke({ thing: 'x' })), { errorType: 'string', errorMessage: 'x', trace: [] });
    assert.equal(payload(await api.invoke({ thing: 1 })).errorType, 'number');
    const like = payload(await api.invoke({ thing: { name: 'N', message: 'm', stack: 's\nt' } }));
    const asError = { errorType: 'N', errorMessage: 'm', trace: ['s', 't'] };
    const asObject = { errorType: 'object', errorMessage: '[object Object]', trace: [] };
    assert.deepEqual(like, node.major < 24 ? asError : asObject);
  });

  it('keeps hostile errors out of its header lines', async (test) => {
    const source = `exports.handler = async (event) => {
      const error = new Error(event.message);
      error.name = 'A\\r\\nX-Evil: 1';
      throw error;
    };`;
    const { api } = await startNodeFunction(test, node, source);
    const posted = await api.invoke({ message: 'é\n\u007f' });
    assert.equal(posted.headers['x-evil'], undefined);
    assert.equal(payload(posted).errorMessage, 'é\n%7F');
    const long = await api.invoke({ message: 'x'.repeat(200_000) });
    assert.equal(long.headers['lambda-runtime-function-xray-error-cause'], undefined);
    assert.equal(payload(long).errorMessage.length, 200_000);
  });

  it('fails an event that is no JSON and goes on', async (test) => {
    const { api } = await startNodeFunction(test, node, echo);
    assert.equal(payload(await api.invoke('{')).errorType, 'SyntaxError');
    assert.equal(payload(await api.invoke('1')), 1);
  });
}

function connection(node: NodeFound): void {
  it('goes on after a result that was too large', async (test) => {
    const run = await startNodeFunction(test, node, echo);
    run.api.refuseNext({ status: 413 });
    await run.api.invoke({ n: 1 });
    assert.deepEqual(payload(await run.api.invoke({ n: 2 })), { n: 2 });
    assert.equal(run.stderr(), '');
  });

  it('goes on over a new connection when the server closes the old one with its answer', async (test) => {
    const { api } = await startNodeFunction(test, node, echo);
    api.refuseNext({ status: 413, close: true });
    await api.invoke({ n: 1 });
    assert.deepEqual(payload(await api.invoke({ n: 2 })), { n: 2 });
    assert.equal(api.connections(), 2);
  });

  it('tells of any other refusal and goes on', async (test) => {
    const run = await startNodeFunction(test, node, echo);
    run.api.refuseNext({ status: 400 });
    await run.api.invoke({ n: 1 });
    assert.deepEqual(payload(await run.api.invoke({ n: 2 })), { n: 2 });
    await run.logged(/The result was refused with 400: \{"errorMessage":"refused"/);
  });

  it('ends when the connection is lost', async (test) => {
    const run = await startNodeFunction(test, node, echo);
    await run.api.idle();
    await run.api.close();
    assert.equal(await run.ended, 1);
    assert.match(run.stderr(), /The Lambda Runtime API is gone/);
  });
}

describe('nodejs24.x and later', { skip: promiseNodes.length === 0 }, () => {
  for (const node of promiseNodes) {
    it(`refuses callback handlers on ${node.major}`, async (test) => {
      const { api } = await startNodeFunction(
        test,
        node,
        'exports.handler = (event, context, callback) => callback();',
      );
      const { errorType, errorMessage } = payload(await api.initError());
      assert.equal(errorType, 'Runtime.CallbackHandlerDeprecated');
      assert.match(
        errorMessage,
        /^ERROR: AWS Lambda has removed support for callback-based function handlers starting/,
      );
    });

    it(`uses synchronous results and default exports on ${node.major}`, async (test) => {
      const source = { 'index.mjs': 'export default { handler: () => "at once" };' };
      const { api } = await startNodeFunction(test, node, source);
      assert.equal(payload(await api.invoke({})), 'at once');
    });

    it(`leaves uncaught errors to Node on ${node.major}`, async (test) => {
      const source = 'exports.handler = () => new Promise(() => setTimeout(() => { throw new Error("later"); }, 1));';
      const run = await startNodeFunction(test, node, source);
      void run.api.invoke({});
      assert.equal(await run.ended, 1);
      assert.match(run.stderr(), /Error: later/);
    });

    it(`ends with 0 when nothing is left to wait for on ${node.major}`, async (test) => {
      const run = await startNodeFunction(test, node, 'exports.handler = () => new Promise(() => {});');
      void run.api.invoke({});
      assert.equal(await run.ended, 0);
    });

    it(`tells libraries of the running invocation on ${node.major}`, async (test) => {
      const source = `const early = awslambda.InvokeStore.getRequestId();
        exports.handler = async (event, context) => {
          const store = awslambda.InvokeStore;
          store.set('mine', 1);
          let refused;
          try { store.set(Symbol.for('_AWS_LAMBDA_REQUEST_ID'), 'x'); } catch (error) { refused = error.message; }
          return [early, store.getRequestId() === context.awsRequestId, store.getTenantId(), store.get('mine'),
            store.getXRayTraceId() === context.xRayTraceId, store.hasContext(), refused];
        };`;
      const { api } = await startNodeFunction(test, node, source);
      const refused = 'Cannot modify protected Lambda context field: Symbol(_AWS_LAMBDA_REQUEST_ID)';
      assert.deepEqual(payload(await api.invoke({}, { 'Lambda-Runtime-Aws-Tenant-Id': 't' })), [
        '-',
        true,
        't',
        1,
        true,
        true,
        refused,
      ]);
    });
  }
});

it('has met a Node of each generation', { skip: callbackNodes.length === 0 ? 'no Node 18 to 22 here' : false }, () => {
  assert.ok(promiseNodes.length > 0);
});
