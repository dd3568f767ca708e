import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FunctionProcess } from '../function-process.ts';
import { type NodeFound, nodes, startNodeFunction } from './node-runtime.ts';

const everyLevel = `exports.handler = async () => {
  for (const level of ['trace', 'debug', 'info', 'log', 'warn', 'error', 'fatal']) console[level]('at %s', level);
};`;

for (const node of nodes) {
  describe(`the console of nodejs${node.major}.x`, () => {
    textLines(node);
    jsonRecords(node);
    frames(node);
  });
}

/** The lines on standard output, once the last one the test waits for is there. */
async function lines(run: FunctionProcess, last: RegExp): Promise<string[]> {
  await run.logged(last);
  return run.stdout().trimEnd().split('\n');
}

function textLines(node: NodeFound): void {
  it('writes text lines with time, request and level', async (test) => {
    const run = await startNodeFunction(test, node, everyLevel);
    const { id } = await run.api.invoke({});
    const seen = (await lines(run, /at fatal/)).map((line) => line.split('\t'));
    assert.deepEqual(
      seen.map(([, request, level, text]) => [request, level, text]),
      [
        [id, 'TRACE', 'at trace'],
        [id, 'DEBUG', 'at debug'],
        [id, 'INFO', 'at info'],
        [id, 'INFO', 'at log'],
        [id, 'WARN', 'at warn'],
        [id, 'ERROR', 'at error'],
        [id, 'FATAL', 'at fatal'],
      ],
    );
    for (const [time] of seen) assert.match(time!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it('keeps a message of several lines in one event', async (test) => {
    const source = 'console.log("early"); exports.handler = async () => { console.log("a\\nb", { c: 1 }); };';
    const run = await startNodeFunction(test, node, source);
    await run.api.invoke({});
    const [early, line] = await lines(run, /c: 1/);
    assert.match(early!, node.major >= 24 ? /Z\t-\tINFO\tearly$/ : /Z\tundefined\tINFO\tearly$/);
    assert.match(line!, /\tINFO\ta\rb \{ c: 1 \}$/);
  });

  it('leaves process.stdout alone', async (test) => {
    const source = 'exports.handler = async () => { process.stdout.write("raw\\n"); };';
    const run = await startNodeFunction(test, node, source);
    await run.api.invoke({});
    assert.deepEqual(await lines(run, /raw/), ['raw']);
  });

  it('silences what is below the level asked for', async (test) => {
    const environment = { AWS_LAMBDA_LOG_LEVEL: 'warn' };
    const run = await startNodeFunction(test, node, everyLevel, { environment });
    await run.api.invoke({});
    const levels = (await lines(run, /at fatal/)).map((line) => line.split('\t')[2]);
    assert.deepEqual(levels, ['WARN', 'ERROR', 'FATAL']);
  });
}

function jsonRecords(node: NodeFound): void {
  const environment = { AWS_LAMBDA_LOG_FORMAT: 'JSON' };

  it('writes JSON records', async (test) => {
    const source = `exports.handler = async () => {
      const loop = {}; loop.self = loop;
      console.log('plain'); console.info({ a: 1 }); console.warn('n %d', 1);
      console.error('with', new TypeError('bad')); console.error(new RangeError('alone'));
      console.log(loop); console.log('end');
    };`;
    const run = await startNodeFunction(test, node, source, { environment });
    const { id } = await run.api.invoke({}, { 'Lambda-Runtime-Aws-Tenant-Id': 't1' });
    const records = (await lines(run, /"end"/)).map((line) => JSON.parse(line));
    assert.deepEqual(Object.keys(records[0]), ['timestamp', 'level', 'requestId', 'tenantId', 'message']);
    for (const record of records) assert.deepEqual([record.requestId, record.tenantId], [id, 't1']);
    assert.deepEqual(
      records.slice(0, 3).map(({ level, message }) => [level, message]),
      [
        ['INFO', 'plain'],
        ['INFO', { a: 1 }],
        ['WARN', 'n 1'],
      ],
    );
    const [withError, alone, circular] = records.slice(3);
    assert.match(withError.message, /^with TypeError: bad\n/);
    assert.deepEqual([withError.errorType, withError.errorMessage], ['TypeError', 'bad']);
    assert.equal(withError.stackTrace[0], 'TypeError: bad');
    assert.deepEqual([alone.message.errorType, alone.message.errorMessage], ['RangeError', 'alone']);
    assert.ok(Array.isArray(alone.message.stackTrace));
    assert.match(circular.message, /Circular/);
  });

  it('logs errors of the handler as records', async (test) => {
    const source = 'exports.handler = async () => { throw new TypeError("bad"); };';
    const run = await startNodeFunction(test, node, source, { environment });
    await run.api.invoke({});
    const record = JSON.parse((await lines(run, /bad/))[0]!);
    assert.equal(record.level, 'ERROR');
    assert.equal(record.message.errorType, 'TypeError');
  });
}

function frames(node: NodeFound): void {
  it('writes text frames to the descriptor it is given', async (test) => {
    const source = `exports.handler = async () => { console.log('a\\nb'); console.error('é'); return process.env; };`;
    const run = await startNodeFunction(test, node, source, { logFrames: true });
    const posted = await run.api.invoke({});
    await run.logged(/é/);
    const [first, second] = run.frames();
    assert.equal(JSON.parse(posted.body.toString())._LAMBDA_TELEMETRY_LOG_FD, undefined);
    assert.equal(run.stdout(), '');
    assert.deepEqual([first?.type, second?.type], ['a55a000f', 'a55a0017']);
    assert.match(first!.message, /Z\t\S+\tINFO\ta\nb\n$/);
    assert.match(second!.message, /\tERROR\té\n$/);
    assert.ok(Math.abs(first!.timeMs - Date.now()) < 60_000);
  });

  it('writes JSON frames', async (test) => {
    const source = `exports.handler = async () => { console.debug('d'); console.fatal('f'); };`;
    const environment = { AWS_LAMBDA_LOG_FORMAT: 'JSON', AWS_LAMBDA_LOG_LEVEL: 'TRACE' };
    const run = await startNodeFunction(test, node, source, { logFrames: true, environment });
    await run.api.invoke({});
    await run.logged(/"f"/);
    assert.deepEqual(
      run.frames().map(({ type, message }) => [type, JSON.parse(message).message]),
      [
        ['a55a000a', 'd'],
        ['a55a001a', 'f'],
      ],
    );
  });
}
