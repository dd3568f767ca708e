import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ApiError } from '../../src/model/api-error.ts';
import { type OperationName, operationModels } from '../../src/model/operations.gen.ts';
import type { OperationModel } from '../../src/model/shape.ts';
import { JSON_DEPTH_MAX, JSON_VALUES_MAX, parseJson } from '../../src/protocol/json-text.ts';
import { parseInput, type RequestParts } from '../../src/protocol/parse.ts';
import { route } from '../../src/protocol/route.ts';
import { serialise } from '../../src/protocol/serialise.ts';
import { parseQuery, splitTarget } from '../../src/protocol/target.ts';
import { parseTimestamp } from '../../src/protocol/timestamp.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const folder = join(root, '..', 'shared', 'vectors', 'json');
const missing = existsSync(folder) ? false : 'skipped: no ../shared/vectors/json';

const ARN = 'arn:aws:lambda:eu-west-1:123456789012:function:f:$LATEST/durable-execution/n/i';

function serialization(pattern: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof ApiError, String(error));
    assert.equal(error.name, 'SerializationException');
    assert.match(error.message, pattern);
    return true;
  };
}

function parse<Name extends OperationName>(operation: Name, body: unknown, parts: Partial<RequestParts> = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return parseInput(operation, { labels: ['f', '1', 's'], query: [], headers: {}, body: Buffer.from(text), ...parts });
}

test('published JSON texts are accepted or refused as they should be', { skip: missing }, () => {
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.json'))) {
    const bytes = readFileSync(join(folder, name));
    if (name.startsWith('y_')) assert.doesNotThrow(() => parseJson(bytes), name);
    else if (name.startsWith('n_')) assert.throws(() => parseJson(bytes), serialization(/./), name);
    else {
      try {
        parseJson(bytes);
      } catch (error) {
        assert.ok(error instanceof ApiError, name);
      }
    }
  }
});

test('faults in JSON are told with their place', () => {
  const cases: [string | Buffer, RegExp][] = [
    ['{"a":x}', /^Unrecognized token 'x'.*line: 1, column: 7\]$/],
    ['{"a":\n ,}', /^Unexpected character \(',' \(code 44\)\): expected a valid value .*line: 2, column: 2\]$/],
    [Buffer.from([0x99, 0x01]), /^Unexpected character \(\(CTRL-CHAR, code 153\)\): expected a valid value/],
    [Buffer.from([0x22, 0x87, 0x22]), /^Invalid UTF-8 start byte 0x87 at .*line: 1, column: 3\]$/],
    ['{"a" 1}', /expecting a colon/],
    ['[1 2]', /expecting comma to separate Array entries/],
    ['{a:1}', /expecting double-quote to start field name/],
    ['{"a":"b', /Unexpected end-of-input: was expecting closing quote/],
    ['{"a":1', /expected close marker for Object/],
    ['[1}', /Unexpected close marker '}': expected ']'/],
    ['1 2', /Trailing token/],
    ['"\\x"', /Unrecognized character escape/],
    ['"\t"', /Illegal unquoted character/],
    [' ', /No content to map/],
  ];
  for (const [text, pattern] of cases)
    assert.throws(() => parseJson(Buffer.from(text)), serialization(pattern), String(text));
});

test('nesting and number of values are bounded before the parser runs', () => {
  const nested = (depth: number) => Buffer.from('['.repeat(depth) + ']'.repeat(depth));
  parseJson(nested(JSON_DEPTH_MAX));
  assert.throws(() => parseJson(nested(JSON_DEPTH_MAX + 1)), serialization(/nesting depth/));
  assert.throws(() => parseJson(Buffer.from(`[${'['.repeat(100_000)}`)), serialization(/nesting depth/));
  assert.throws(() => parseJson(Buffer.from(`[${'0,'.repeat(JSON_VALUES_MAX)}0]`)), serialization(/maximum of/));
  parseJson(Buffer.from(JSON.stringify({ text: `${'\\"[{,'.repeat(JSON_VALUES_MAX / 2)}\\` })));
});

test('every operation is found by its method, path and fixed query, with its labels decoded', () => {
  for (const row of Object.values(operationModels)) {
    const model: OperationModel = row;
    const labels = Array.from(model.path.matchAll(/\{\w+\}/g), () => ARN);
    for (const encode of [encodeURIComponent, (text: string) => encodeURIComponent(text).replaceAll('%3A', ':')]) {
      const path = model.path.replace(/\{\w+\}/g, () => encode(ARN));
      const query = parseQuery(model.query ?? '');
      for (const slash of ['', '/']) {
        assert.deepEqual(route(model.method, path + slash, query), { operation: model.name, labels }, model.name);
      }
    }
  }
});

test('what is no operation is unknown: paths, methods, sibling services', () => {
  const unknown: [string, string][] = [
    ['GET', '/'],
    ['GET', ''],
    ['GET', '//'],
    ['PATCH', '/2015-03-31/functions'],
    ['HEAD', '/2015-03-31/functions'],
    ['OPTIONS', '*'],
    ['GET', '/2015-03-31/functions/f/configuration/more'],
    ['GET', `/2015-03-31${'/a'.repeat(10_000)}`],
    ['GET', '/2016-03-31/functions'],
    ['GET', '/2026-04-04/network-connectors'],
    ['GET', '/2025-09-09/microvms'],
    ['GET', '/2025-09-09/microvm-images'],
    ['GET', '/2025-03-07/web-functions'],
    ['GET', '/__proto__'],
    ['GET', '/constructor/prototype'],
    ['__proto__', '/2015-03-31/functions'],
  ];
  for (const [method, path] of unknown)
    assert.throws(
      () => route(method, path, []),
      (error: unknown) => error instanceof ApiError && error.name === 'UnknownOperationException',
      `${method} ${path.slice(0, 50)}`,
    );
  assert.throws(() => route('GET', '/2015-03-31/functions/%ff', []), serialization(/UTF-8/));
  assert.deepEqual(route('GET', '/2015-03-31/functions//configuration', []).labels, ['']);
});

test('a target is cut at its question mark, also in the absolute form of proxies', () => {
  assert.deepEqual(splitTarget('/a/b?c=d?e'), { path: '/a/b', query: 'c=d?e' });
  assert.deepEqual(splitTarget('http://host:1/a?b'), { path: '/a', query: 'b' });
  assert.deepEqual(parseQuery('a=1&&b&tagKeys=x%20y&tagKeys=z&c=%zz&d=1+2'), [
    { name: 'a', value: '1' },
    { name: 'b', value: '' },
    { name: 'tagKeys', value: 'x y' },
    { name: 'tagKeys', value: 'z' },
    { name: 'c', value: '%zz' },
    { name: 'd', value: '1+2' },
  ]);
});

test('an input is put together from labels, query, headers and body', () => {
  const invoke = parseInput('Invoke', {
    labels: ['f'],
    query: parseQuery('Qualifier=live&Unknown=1'),
    headers: { 'x-amz-invocation-type': 'Event', 'x-amz-log-type': '' },
    body: Buffer.from('not json'),
  });
  assert.deepEqual(
    { ...invoke, Payload: String(Buffer.from(invoke.Payload ?? '')) },
    { FunctionName: 'f', Qualifier: 'live', InvocationType: 'Event', Payload: 'not json' },
  );
  assert.deepEqual(parse('UntagResource', '', { query: parseQuery('tagKeys=a&tagKeys=b') }).TagKeys, ['a', 'b']);
  assert.equal(parse('UntagResource', '').TagKeys, undefined);
  assert.equal(parse('ListFunctions', 'not json at all', { query: parseQuery('MaxItems=10') }).MaxItems, 10);
  const list = parse('ListDurableExecutionsByFunction', '', {
    query: parseQuery('ReverseOrder=true&StartedAfter=2026-01-02T03:04:05Z&Statuses=RUNNING'),
  });
  assert.deepEqual(
    [list.ReverseOrder, list.StartedAfter, list.Statuses],
    [true, new Date('2026-01-02T03:04:05Z'), ['RUNNING']],
  );
  const stop = parse('StopDurableExecution', { ErrorMessage: 'm', StackTrace: ['a'] });
  assert.deepEqual(stop.Error, { ErrorMessage: 'm', StackTrace: ['a'] });
  assert.equal(parse('StopDurableExecution', '').Error, undefined);
});

test('a body gives the members of the model: null is absent, the unknown is ignored, prototypes stay whole', () => {
  const body =
    '{"FunctionName":"f","Role":null,"Unknown":{"a":[1]},"__proto__":{"Handler":"evil"},"Code":{"ZipFile":"UEsDBA==","__proto__":1},"Environment":{"Variables":{"__proto__":"x","A1":"b"}},"MemorySize":128.0}';
  const input = parse('CreateFunction', body, { labels: [] });
  assert.deepEqual(Object.keys(input).sort(), ['Code', 'Environment', 'FunctionName', 'MemorySize']);
  assert.equal(input.Handler, undefined);
  assert.deepEqual(Buffer.from(input.Code.ZipFile ?? ''), Buffer.from('PK\x03\x04'));
  assert.deepEqual(Object.entries(input.Environment?.Variables ?? {}), [
    ['__proto__', 'x'],
    ['A1', 'b'],
  ]);
  assert.equal((Object.prototype as Record<string, unknown>)['Handler'], undefined);
  assert.deepEqual(parse('CreateAlias', ''), { FunctionName: 'f' });
});

test('values of the wrong type are refused with the texts of AWS', () => {
  const cases: [OperationName, unknown, RegExp][] = [
    ['CreateFunction', { MemorySize: '128' }, /^STRING_VALUE can not be converted to an Integer$/],
    ['CreateFunction', { MemorySize: 128.5 }, /^DECIMAL_VALUE can not be converted to an Integer$/],
    ['CreateFunction', { MemorySize: 2 ** 31 }, /^NUMBER_VALUE can not be converted to an Integer$/],
    ['CreateFunction', '{"MemorySize":1e999}', /can not be converted to an Integer$/],
    ['CreateFunction', { Handler: 1 }, /^NUMBER_VALUE can not be converted to a String$/],
    ['CreateFunction', { Handler: true }, /^TRUE_VALUE can not be converted to a String$/],
    ['CreateFunction', { Handler: {} }, /^Start of structure or map found where not expected\.$/],
    ['CreateFunction', { Handler: [] }, /^Start of list found where not expected\.$/],
    ['CreateFunction', { Publish: 'true' }, /^STRING_VALUE can not be converted to a Boolean$/],
    ['CreateFunction', { Layers: 'x' }, /^Expected list or null$/],
    ['CreateFunction', { Layers: {} }, /^Start of structure or map/],
    ['CreateFunction', { Code: [] }, /^Start of list/],
    ['CreateFunction', { Code: 'x' }, /^Expected structure/],
    ['CreateFunction', { Tags: ['a'] }, /^Start of list/],
    ['CreateFunction', { Tags: { a: 1 } }, /^NUMBER_VALUE can not be converted to a String$/],
    ['CreateFunction', { Code: { ZipFile: 'not base64!' } }, /Base64/],
    ['CreateFunction', { Code: { ZipFile: 'AAA' } }, /Base64/],
    ['CreateFunction', { Code: { ZipFile: 'AA==AAAA' } }, /Base64/],
    ['CreateFunction', [], /^Start of list/],
    ['CreateFunction', '"text"', /^Expected structure/],
    ['CreateFunction', 'null', /^Expected structure/],
    ['CreateEventSourceMapping', { StartingPositionTimestamp: 'yesterday' }, /^Invalid timestamp/],
    ['CreateEventSourceMapping', { StartingPositionTimestamp: 1e300 }, /^Invalid timestamp/],
    ['StopDurableExecution', '[]', /^Start of list/],
  ];
  for (const [operation, body, pattern] of cases)
    assert.throws(() => parse(operation, body), serialization(pattern), `${operation} ${JSON.stringify(body)}`);
  assert.throws(
    () => parse('ListFunctions', '', { query: parseQuery('MaxItems=ten') }),
    serialization(/^STRING_VALUE can not be converted to an Integer$/),
  );
  assert.throws(
    () => parse('GetDurableExecution', '', { query: parseQuery('IncludeExecutionData=1') }),
    serialization(/Boolean/),
  );
  assert.throws(() => parse('GetLayerVersion', '', { labels: ['l', '1x'] }), serialization(/a Long/));
});

test('timestamps are read in every format', () => {
  const second = Date.parse('2026-01-02T03:04:05Z');
  const same = [
    second / 1000,
    String(second / 1000),
    '2026-01-02T03:04:05Z',
    '2026-01-02T03:04:05',
    '2026-01-02T05:04:05+02:00',
    '2026-01-02T05:04:05+0200',
    'Fri, 02 Jan 2026 03:04:05 GMT',
  ];
  for (const text of same) assert.equal(parseTimestamp(text)?.getTime(), second, String(text));
  assert.equal(parseTimestamp(1.5)?.getTime(), 1500);
  assert.equal(parseTimestamp('1.123456')?.getTime(), 1123);
  assert.equal(parseTimestamp('2026-01-02T03:04:05.678Z')?.getTime(), second + 678);
  for (const text of ['', 'now', '2026-13-01T00:00:00Z', '02 Jan', '1e5', '99999999999999999999'])
    assert.equal(parseTimestamp(text), undefined, text);
});

test('answers carry what the model says: status, headers, body, epoch seconds', () => {
  const text = (body: Uint8Array) => Buffer.from(body).toString();
  const mapping = serialise('CreateEventSourceMapping', {
    output: { UUID: 'u', LastModified: new Date(1500), BatchSize: undefined, FunctionResponseTypes: ['a'], Own: 1 },
  });
  assert.equal(mapping.status, 202);
  assert.deepEqual(JSON.parse(text(mapping.body)), { UUID: 'u', LastModified: 1.5, FunctionResponseTypes: ['a'] });
  assert.deepEqual(mapping.headers, ['Content-Type', 'application/json']);
  const invoke = serialise('Invoke', {
    output: { StatusCode: 200, FunctionError: 'Unhandled', ExecutedVersion: '1', Payload: Buffer.from('raw') },
  });
  assert.deepEqual([invoke.status, text(invoke.body)], [200, 'raw']);
  assert.deepEqual(invoke.headers, [
    'X-Amz-Function-Error',
    'Unhandled',
    'X-Amz-Executed-Version',
    '1',
    'Content-Type',
    'application/json',
  ]);
  assert.equal(serialise('Invoke', { output: {}, status: 202 }).status, 202);
  assert.deepEqual(
    [serialise('DeleteFunction', { output: {} }).status, serialise('DeleteFunction', { output: {} }).body.length],
    [204, 0],
  );
  assert.equal(serialise('TagResource', { output: {} }).status, 204);
  const typed = serialise('Invoke', { output: {}, headers: { 'content-type': 'text/plain', 'X-Own': '1' } });
  assert.deepEqual(typed.headers, ['content-type', 'text/plain', 'X-Own', '1']);
});
