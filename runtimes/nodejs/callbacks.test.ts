import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { callbackNodes, type NodeFound, startNodeFunction } from './node-runtime.ts';

function payload(posted: { body: Buffer }) {
  return JSON.parse(posted.body.toString());
}

const skip = callbackNodes.length === 0 ? 'no Node 18 to 22 here' : false;

describe('callbacks of nodejs18.x to nodejs22.x', { skip }, () => {
  for (const node of callbackNodes) {
    answers(node);
    emptyLoop(node);
    uncaught(node);
  }
});

function answers(node: NodeFound): void {
  const ways: [name: string, source: string, kind: string, expected: string | null][] = [
    ['callback(null, result)', 'exports.handler = (e, c, cb) => cb(null, "r");', 'response', 'r'],
    ['callback() later', 'exports.handler = (e, c, cb) => { setTimeout(() => cb(null, "r"), 1); };', 'response', 'r'],
    ['callback() without a result', 'exports.handler = (e, c, cb) => cb();', 'response', null],
    ['context.succeed', 'exports.handler = (e, c) => c.succeed("r");', 'response', 'r'],
    ['context.done', 'exports.handler = (e, c) => c.done(null, "r");', 'response', 'r'],
    ['a promise of any make', 'exports.handler = () => ({ then: (ok) => ok("r") });', 'response', 'r'],
    ['a returned promise', 'exports.handler = () => Promise.resolve("r");', 'response', 'r'],
    ['a synchronous value, which is ignored', 'exports.handler = () => "r";', 'response', null],
    ['callback(error)', 'exports.handler = (e, c, cb) => cb(new TypeError("x"));', 'error', 'TypeError'],
    ['callback("text")', 'exports.handler = (e, c, cb) => cb("x");', 'error', 'string'],
    ['context.fail', 'exports.handler = (e, c) => c.fail(new TypeError("x"));', 'error', 'TypeError'],
    ['context.fail()', 'exports.handler = (e, c) => c.fail();', 'error', 'string'],
    ['a synchronous throw', 'exports.handler = () => { throw new TypeError("x"); };', 'error', 'TypeError'],
  ];
  for (const [name, source, kind, expected] of ways) {
    it(`takes ${name} on ${node.major}`, async (test) => {
      const { api } = await startNodeFunction(test, node, source);
      for (let round = 0; round < 2; round += 1) {
        const posted = await api.invoke({});
        assert.equal(posted.kind, kind);
        assert.deepEqual(kind === 'response' ? payload(posted) : payload(posted).errorType, expected);
      }
    });
  }

  it(`counts only the first answer on ${node.major}`, async (test) => {
    const source = `let n = 0;
      exports.handler = (e, c, cb) => {
        c.callbackWaitsForEmptyEventLoop = false;
        n += 1; cb(null, n); cb(null, 'again'); cb(new Error('again')); c.succeed('again'); c.fail('again');
      };`;
    const run = await startNodeFunction(test, node, source);
    assert.equal(payload(await run.api.invoke({})), 1);
    assert.equal(payload(await run.api.invoke({})), 2);
    assert.equal(run.stderr(), '');
  });

  it(`fails a callback whose result has no JSON form on ${node.major}`, async (test) => {
    const source = 'exports.handler = (e, c) => c.succeed({ n: 1n });';
    const { api } = await startNodeFunction(test, node, source);
    const { errorType, errorMessage } = payload(await api.invoke({}));
    assert.deepEqual([errorType, errorMessage], ['Error', 'Unable to stringify response body']);
  });
}

function emptyLoop(node: NodeFound): void {
  it(`waits for the empty event loop before the answer on ${node.major}`, async (test) => {
    const source = `let done = [];
      exports.handler = (event, context, callback) => {
        const result = done.slice();
        setTimeout(() => done.push('timer'), 30);
        context.callbackWaitsForEmptyEventLoop = event.wait;
        callback(null, result);
      };`;
    const { api } = await startNodeFunction(test, node, source);
    assert.deepEqual(payload(await api.invoke({ wait: true })), []);
    assert.deepEqual(payload(await api.invoke({ wait: false })), ['timer']);
    // The second invocation did not wait for its own timer.
    assert.deepEqual(payload(await api.invoke({ wait: true })), ['timer']);
  });

  it(`does not wait for it when a promise is returned on ${node.major}`, async (test) => {
    const source = 'exports.handler = async () => { setInterval(() => {}, 1000); return "r"; };';
    const { api } = await startNodeFunction(test, node, source);
    assert.equal(payload(await api.invoke({})), 'r');
  });

  it(`answers null when the callback is never called on ${node.major}`, async (test) => {
    const { api } = await startNodeFunction(test, node, 'exports.handler = (event, context, callback) => {};');
    assert.equal(payload(await api.invoke({})), null);
    assert.equal(payload(await api.invoke({})), null);
  });

  it(`fails an async function that never settles on ${node.major}`, async (test) => {
    const source = 'exports.handler = async (event) => event.settle ? "r" : new Promise(() => {});';
    const run = await startNodeFunction(test, node, source);
    const { errorType, errorMessage } = payload(await run.api.invoke({}));
    assert.equal(errorType, 'Runtime.NodeJsExit');
    assert.match(errorMessage, /^The Lambda runtime client detected an unexpected Node\.js exit code\./);
    await run.logged(/Invoke Error.*Runtime\.NodeJsExit/);
    assert.equal(payload(await run.api.invoke({ settle: true })), 'r');
  });
}

function uncaught(node: NodeFound): void {
  it(`posts an uncaught exception and exits with 129 on ${node.major}`, async (test) => {
    const source = 'exports.handler = (e, c, cb) => { setTimeout(() => { throw new RangeError("later"); }, 1); };';
    const run = await startNodeFunction(test, node, source);
    const posted = await run.api.invoke({});
    assert.deepEqual(
      [posted.kind, payload(posted).errorType, payload(posted).errorMessage],
      ['error', 'RangeError', 'later'],
    );
    assert.equal(await run.ended, 129);
    assert.match(run.stdout(), /\tERROR\tUncaught Exception \t\{"errorType":"RangeError"/);
  });

  it(`posts an unhandled rejection and exits with 128 on ${node.major}`, async (test) => {
    const source =
      'exports.handler = (e, c, cb) => { Promise.reject(new RangeError("lost")); setTimeout(() => {}, 50); };';
    const run = await startNodeFunction(test, node, source);
    const { errorType, errorMessage } = payload(await run.api.invoke({}));
    assert.deepEqual([errorType, errorMessage], ['Runtime.UnhandledPromiseRejection', 'RangeError: lost']);
    assert.equal(await run.ended, 128);
    assert.match(
      run.stdout(),
      /\tERROR\tUnhandled Promise Rejection \t\{"errorType":"Runtime\.UnhandledPromiseRejection"/,
    );
    assert.match(run.stdout(), /"reason":\{"errorType":"RangeError"/);
  });

  it(`posts an uncaught exception of the init phase on ${node.major}`, async (test) => {
    const source = {
      'index.mjs': 'setTimeout(() => { throw new Error("early"); }, 1); await new Promise((r) => setTimeout(r, 1000));',
    };
    const run = await startNodeFunction(test, node, source);
    assert.equal(payload(await run.api.initError()).errorMessage, 'early');
    assert.equal(await run.ended, 129);
  });

  it(`only exits when nobody waits for an answer on ${node.major}`, async (test) => {
    const source = `exports.handler = async (event) => {
      setTimeout(() => { throw new Error('between'); }, 20).unref();
      return 'r';
    };`;
    const run = await startNodeFunction(test, node, source);
    assert.equal(payload(await run.api.invoke({})), 'r');
    assert.equal(await run.ended, 129);
  });
}
