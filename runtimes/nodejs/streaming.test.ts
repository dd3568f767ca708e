import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Posted } from '../fake-runtime-api.ts';
import { type NodeFound, nodes, startNodeFunction } from './node-runtime.ts';

for (const node of nodes) {
  describe(`streamed results of nodejs${node.major}.x`, () => {
    bodies(node);
    failures(node);
    oddities(node);
  });
}

function trailerError(posted: Posted) {
  const body = posted.trailers['lambda-runtime-function-error-body'] ?? '';
  return JSON.parse(Buffer.from(body, 'base64').toString());
}

function stream(body: string): string {
  return `exports.handler = awslambda.streamifyResponse(async (event, stream, context) => { ${body} });`;
}

function bodies(node: NodeFound): void {
  it('uploads what is written, chunk by chunk', async (test) => {
    const source = stream(`
      stream.setContentType('text/plain');
      stream.write('a'); stream.write(Buffer.from('é')); stream.write({ j: 1 }); stream.write('');
      await new Promise((resolve) => setTimeout(resolve, 1));
      stream.end('z');`);
    const { api } = await startNodeFunction(test, node, source);
    for (let round = 0; round < 2; round += 1) {
      const posted = await api.invoke({});
      assert.equal(posted.kind, 'response');
      assert.equal(posted.headers['lambda-runtime-function-response-mode'], 'streaming');
      assert.equal(posted.headers['content-type'], 'text/plain');
      assert.match(
        String(posted.headers['trailer']),
        /Lambda-Runtime-Function-Error-Type.*Lambda-Runtime-Function-Error-Body/,
      );
      assert.equal(posted.chunked, true);
      assert.equal(posted.body.toString(), 'aé{"j":1}z');
      assert.deepEqual({ ...posted.trailers }, {});
    }
    assert.equal(api.connections(), 1);
  });

  it('carries much through a pipeline', async (test) => {
    const source = `const { Readable } = require('node:stream'); const { pipeline } = require('node:stream/promises');
      exports.handler = awslambda.streamifyResponse(async (event, stream) => {
        const chunk = Buffer.alloc(100_000, 'x');
        await pipeline(Readable.from(Array(80).fill(chunk)), stream);
      }, { highWaterMark: 1024 });`;
    const { api } = await startNodeFunction(test, node, source);
    const posted = await api.invoke({});
    assert.equal(posted.headers['content-type'], 'application/octet-stream');
    assert.equal(posted.body.length, 8_000_000);
  });

  it('puts status and headers before the body', async (test) => {
    const source = stream(`
      const http = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { a: 'b' } });
      http.write('body'); http.end();`);
    const { api } = await startNodeFunction(test, node, source);
    const posted = await api.invoke({});
    assert.equal(posted.headers['content-type'], 'application/vnd.awslambda.http-integration-response');
    assert.equal(posted.body.toString('latin1'), `{"statusCode":201,"headers":{"a":"b"}}${'\0'.repeat(8)}body`);
  });

  it('refuses a content type after the first write', async (test) => {
    const source = stream(
      `stream.write('a'); try { stream.setContentType('b/c'); } catch (e) { stream.write(e.name); } stream.end();`,
    );
    const { api } = await startNodeFunction(test, node, source);
    assert.equal((await api.invoke({})).body.toString(), 'aRuntime.InvalidStreamingOperation');
  });

  it('hands over the context', async (test) => {
    const source = stream('stream.end(JSON.stringify([event, context.functionName, context.awsRequestId]));');
    const { api } = await startNodeFunction(test, node, source);
    const posted = await api.invoke({ n: 1 });
    assert.deepEqual(JSON.parse(posted.body.toString()), [{ n: 1 }, 'f', posted.id]);
  });
}

function failures(node: NodeFound): void {
  it('tells an error midway in the trailers, and goes on', async (test) => {
    const source = stream(`stream.write('part'); if (event.fail) throw new TypeError('midway'); stream.end();`);
    const run = await startNodeFunction(test, node, source);
    const posted = await run.api.invoke({ fail: true });
    assert.equal(posted.body.toString(), 'part');
    assert.equal(posted.trailers['lambda-runtime-function-error-type'], 'TypeError');
    assert.deepEqual([trailerError(posted).errorType, trailerError(posted).errorMessage], ['TypeError', 'midway']);
    await run.logged(/\tERROR\tInvoke Error \t\{"errorType":"TypeError","errorMessage":"midway"/);
    assert.equal((await run.api.invoke({})).body.toString(), 'part');
  });

  it('tells an error before the first write in the trailers', async (test) => {
    const { api } = await startNodeFunction(test, node, stream(`throw new Error('at once');`));
    const posted = await api.invoke({});
    assert.equal(posted.body.length, 0);
    assert.equal(trailerError(posted).errorMessage, 'at once');
  });

  it('fails handlers that are not async', async (test) => {
    const source = 'exports.handler = awslambda.streamifyResponse((event, stream) => { stream.write("x"); });';
    const { api } = await startNodeFunction(test, node, source);
    const { errorType, errorMessage } = trailerError(await api.invoke({}));
    assert.equal(errorMessage, 'Streaming does not support non-async handlers.');
    assert.equal(errorType, node.major >= 24 ? 'Error' : 'string');
  });

  it('leaves what was ended before the error as it is, and tells the error in the log alone', async (test) => {
    const source =
      'exports.handler = awslambda.streamifyResponse(async (e, s) => { s.end("x"); throw new Error("late"); });';
    const run = await startNodeFunction(test, node, source);
    for (let count = 0; count < 2; count += 1) {
      const posted = await run.api.invoke({});
      assert.deepEqual([posted.body.toString(), posted.trailers], ['x', {}]);
    }
    await run.logged(/Invoke Error \t\{"errorType":"Error","errorMessage":"late"/);
  });

  it('carries the error of a broken source', async (test) => {
    const source = `const { Readable } = require('node:stream'); const { pipeline } = require('node:stream/promises');
      exports.handler = awslambda.streamifyResponse(async (event, stream) => {
        await pipeline(Readable.from((function* () { yield 'a'; throw new RangeError('broken'); })()), stream);
      });`;
    const { api } = await startNodeFunction(test, node, source);
    assert.equal(trailerError(await api.invoke({})).errorMessage, 'broken');
    assert.equal(trailerError(await api.invoke({})).errorType, 'RangeError');
  });

  it('carries the error a handler destroys its stream with', async (test) => {
    const { api } = await startNodeFunction(
      test,
      node,
      stream(`stream.write('x'); stream.destroy(new RangeError('torn'));`),
    );
    const posted = await api.invoke({});
    assert.deepEqual([trailerError(posted).errorType, trailerError(posted).errorMessage], ['RangeError', 'torn']);
  });

  it('tells an error in short that is too long for a trailer', async (test) => {
    const { api } = await startNodeFunction(test, node, stream(`throw new Error('x'.repeat(1e6));`));
    assert.equal(trailerError(await api.invoke({})).errorMessage, 'x'.repeat(1024));
  });
}

function oddities(node: NodeFound): void {
  it('warns of returned values', async (test) => {
    const run = await startNodeFunction(test, node, stream(`stream.end('x'); return 'ignored';`));
    await run.api.invoke({});
    await run.logged(/\tWARN\tStreaming handlers ignore return values\./);
  });

  it('waits for an end that comes after the handler has returned', async (test) => {
    const source = stream(`stream.write('x'); setTimeout(() => stream.end(), 20);`);
    const run = await startNodeFunction(test, node, source);
    assert.equal((await run.api.invoke({})).body.toString(), 'x');
    assert.equal((await run.api.invoke({})).body.toString(), 'x');
  });

  it('goes on after a refused stream', async (test) => {
    const run = await startNodeFunction(test, node, stream(`stream.end('x');`));
    run.api.refuseNext({ status: 413 });
    await run.api.invoke({});
    assert.equal((await run.api.invoke({})).body.toString(), 'x');
  });

  it('refuses other kinds of streaming', async (test) => {
    const source = `exports.handler = async () => {}; exports.handler[Symbol.for('aws.lambda.runtime.handler.streaming')] = 'request';`;
    const { api } = await startNodeFunction(test, node, source);
    const { errorType, errorMessage } = JSON.parse((await api.initError()).body.toString());
    assert.deepEqual(
      [errorType, errorMessage],
      ['Runtime.MalformedStreamingHandler', 'Only response streaming is supported.'],
    );
  });
}
