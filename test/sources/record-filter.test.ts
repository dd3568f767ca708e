import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileFilters } from '../../src/sources/record-filter.ts';
import type { SourceKind } from '../../src/sources/source-kind.ts';
import type { SourceRecord } from '../../src/sources/source-port.ts';
import { dynamodbRecord, kafkaRecord, kinesisRecord, mqRecord, sqsRecord } from './records.ts';

function passes(kind: SourceKind, patterns: readonly (object | string)[], record: SourceRecord): boolean {
  const Filters = patterns.map((one) => ({ Pattern: typeof one === 'string' ? one : JSON.stringify(one) }));
  return compileFilters(kind, { Filters })(record);
}

/** Of bodies that are JSON, those that a pattern for the body lets through. */
function fitting(pattern: object | string, bodies: readonly string[]): readonly string[] {
  const text = typeof pattern === 'string' ? pattern : JSON.stringify(pattern);
  return bodies.filter((body) => passes('sqs', [`{"body":${text}}`], sqsRecord(body)));
}

/** Of values in JSON, those of a field that one of the matchers fits. */
function fittingValues(matchers: string, values: readonly string[]): readonly string[] {
  return values.filter((value) => fitting(`{"f":${matchers}}`, [`{"f":${value}}`]).length > 0);
}

describe('without filters everything passes', () => {
  for (const criteria of [undefined, {}, { Filters: [] }])
    test(JSON.stringify(criteria) ?? 'no criteria', () => {
      assert.equal(compileFilters('sqs', criteria)(sqsRecord('x')), true);
      assert.equal(compileFilters('documentdb', criteria)(sqsRecord('x')), true);
    });
});

describe('operators', () => {
  const values = ['"x"', '"X"', '"xy"', '""', 'null', 'true', '0', '5', '5.0', '"5"', '[]', '{}', '["x",1]'];
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['["x"]', ['"x"', '["x",1]']],
    ['["x",5]', ['"x"', '5', '["x",1]']],
    ['[5.0]', ['5.0']],
    ['["5"]', ['"5"']],
    ['[null]', ['null']],
    ['[""]', ['""']],
    ['[true]', ['true']],
    ['[{"equals-ignore-case":"X"}]', ['"x"', '"X"', '["x",1]']],
    ['[{"prefix":"x"}]', ['"x"', '"xy"', '["x",1]']],
    ['[{"prefix":{"equals-ignore-case":"x"}}]', ['"x"', '"X"', '"xy"', '["x",1]']],
    ['[{"suffix":"y"}]', ['"xy"']],
    ['[{"suffix":{"equals-ignore-case":"Y"}}]', ['"xy"']],
    ['[{"anything-but":"x"}]', values.filter((value) => !['"x"', '[]', '{}'].includes(value))],
    ['[{"anything-but":["x","X","xy",""]}]', ['null', 'true', '0', '5', '5.0', '"5"', '["x",1]']],
    ['[{"anything-but":[5,0]}]', ['"x"', '"X"', '"xy"', '""', 'null', 'true', '5.0', '"5"', '["x",1]']],
    [
      '[{"anything-but":["x","X"]},{"anything-but":["x","xy"]}]',
      values.filter((one) => !['"x"', '[]', '{}'].includes(one)),
    ],
    ['[{"numeric":[">",1,"<",5]},{"numeric":[">=",-1,"<",2]},{"numeric":["=",9]}]', ['0', '["x",1]']],
    ['[{"numeric":["=",5]}]', ['5', '5.0']],
    ['[{"numeric":[">",0,"<=",5]}]', ['5', '5.0', '["x",1]']],
    ['[{"numeric":["<",1]}]', ['0']],
    ['[{"exists":true}]', values.filter((value) => value !== '[]' && value !== '{}')],
    ['[{"exists":false}]', ['[]', '{}']],
    ['["x",{"exists":false}]', ['"x"', '[]', '{}', '["x",1]']],
  ];
  for (const [matchers, expected] of cases)
    test(matchers, () => assert.deepEqual(fittingValues(matchers, values), expected));
});

describe('numbers', () => {
  test('are equal as they are written', () => {
    const spellings = ['300', '300.0', '3.0e2', '3E2', '300.00'];
    for (const one of spellings) assert.deepEqual(fittingValues(`[${one}]`, spellings), [one]);
    assert.deepEqual(fittingValues('[12345678901234567890]', ['12345678901234567890', '12345678901234567891']), [
      '12345678901234567890',
    ]);
  });
  test('are in ranges by value, to six decimals', () => {
    const spellings = ['0.1234564', '0.1234567', '0.1234569', '0.123457', '1.234567e-1', '0.123458'];
    assert.deepEqual(fittingValues('[{"numeric":["=",0.123457]}]', spellings), spellings.slice(1, 5));
    assert.deepEqual(fittingValues('[{"numeric":[">",0.123457]}]', spellings), spellings.slice(5));
    const large = ['4999999999.999999', '4999999999.999998', '4999999999.999999000'];
    assert.deepEqual(fittingValues('[{"numeric":["=",4999999999.999999]}]', large), [large[0], large[2]]);
  });
  test('are in no range beyond five billion', () => {
    const spellings = ['-5e9', '-5000000000.1', '5000000000', '5000000001', '1e400'];
    assert.deepEqual(fittingValues('[{"numeric":[">",-1]},{"numeric":["<",1]}]', spellings), ['-5e9', '5000000000']);
  });
});

describe('structures', () => {
  test('fields of a pattern must all fit, values of a field one', () => {
    const pattern = { a: ['x', 'y'], b: { c: [1] } };
    const bodies = ['{"a":"y","b":{"c":1},"d":0}', '{"a":"z","b":{"c":1}}', '{"a":"x","b":{"c":2}}', '{"a":"x"}'];
    assert.deepEqual(fitting(pattern, bodies), bodies.slice(0, 1));
  });
  test('$or takes one of its patterns, beside the fields next to it', () => {
    const pattern = { a: [1], $or: [{ b: ['x'] }, { c: { d: ['y'] } }] };
    const bodies = ['{"a":1,"b":"x"}', '{"a":1,"c":{"d":"y"}}', '{"a":2,"b":"x"}', '{"a":1}'];
    assert.deepEqual(fitting(pattern, bodies), bodies.slice(0, 2));
  });
  test('one element of an array is enough, at any depth of arrays', () => {
    assert.deepEqual(fittingValues('["x"]', ['["a","x"]', '[["a"],[["x"]]]', '[{"x":"x"}]', '[]']), [
      '["a","x"]',
      '[["a"],[["x"]]]',
    ]);
  });
  test('one object of an array must fit a whole pattern', () => {
    const pattern = { list: { a: [1], b: [2] } };
    const bodies = ['{"list":[{"a":1},{"a":1,"b":2}]}', '{"list":[[{"a":1,"b":[2]}]]}', '{"list":[{"a":1},{"b":2}]}'];
    assert.deepEqual(fitting(pattern, bodies), bodies.slice(0, 2));
    assert.deepEqual(fitting({ a: [1] }, ['[{"a":2},{"a":1}]', '[]']), ['[{"a":2},{"a":1}]']);
  });
  test('what must not exist is in none of the objects, or not in the one that fits', () => {
    const alone = { list: { a: [{ exists: false }] } };
    assert.deepEqual(fitting(alone, ['{"list":[{"b":1},{}]}', '{"list":[]}', '{}', '{"list":[{"a":1},{}]}']), [
      '{"list":[{"b":1},{}]}',
      '{"list":[]}',
      '{}',
    ]);
    const beside = { list: { a: [{ exists: false }], b: [1] } };
    assert.deepEqual(fitting(beside, ['{"list":[{"a":1},{"b":1}]}', '{"list":[{"a":1,"b":1},{}]}']), [
      '{"list":[{"a":1},{"b":1}]}',
    ]);
  });
  test('what must not exist does not, where the objects around it are missing or are none', () => {
    const pattern = { a: { b: { c: [{ exists: false }] } } };
    const bodies = [
      '{}',
      '{"a":null}',
      '{"a":5}',
      '{"a":{"b":{}}}',
      '{"a":{"b":{"c":{"d":1}}}}',
      '{"a":{"b":{"c":null}}}',
    ];
    assert.deepEqual(fitting(pattern, bodies), bodies.slice(0, -1));
  });
  test('names that objects inherit are names like others', () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'length', '0']) {
      const bodies = [`{"${name}":{"x":7}}`, '{}', '[]', '"text"', `{"${name}":7}`];
      assert.deepEqual(fitting(`{"${name}":{"x":[7]}}`, bodies), bodies.slice(0, 1), name);
      assert.deepEqual(fitting(`{"${name}":{"x":["s",{"exists":true}]}}`, bodies), bodies.slice(0, 1), name);
      assert.deepEqual(fitting(`{"${name}":{"x":[{"exists":false}]}}`, bodies), bodies.slice(1), name);
    }
  });
  test('of a key that is there twice the last counts, in records and in patterns', () => {
    assert.deepEqual(fittingValues('[2]', ['1,"f":2', '2,"f":1']), ['1,"f":2']);
    assert.deepEqual(fittingValues('["s"]', ['"x","f":"s"', '"s","f":"x"']), ['"x","f":"s"']);
    assert.deepEqual(fittingValues('["x"],"f":["y"]', ['"x"', '"y"']), ['"y"']);
  });
  test('escapes are read, in keys and values', () => {
    for (const more of ['', ',0'])
      assert.deepEqual(
        fitting(`{"k\\u0041\\"":["\\\\\\n\\ud83d\\ude00"${more}]}`, ['{"kA\\"":"\\u005c\\n😀"}', '{"kA":"x"}']),
        ['{"kA\\"":"\\u005c\\n😀"}'],
      );
  });
});

describe('plain text and JSON', () => {
  const plain = (kind: SourceKind, name: string, record: SourceRecord) => passes(kind, [{ [name]: ['hello'] }], record);
  const kinds = [
    ['sqs', 'body', sqsRecord],
    ['msk', 'value', kafkaRecord],
    ['kafka', 'value', kafkaRecord],
    ['mq', 'data', mqRecord],
  ] as const;
  for (const [kind, name, record] of kinds)
    test(`${kind}: a pattern for the one drops the other`, () => {
      assert.equal(plain(kind, name, record('hello')), true);
      assert.equal(plain(kind, name, record('hullo')), false);
      assert.equal(plain(kind, name, record('"hello"')), false);
      const anyText = [{ [name]: [{ exists: true }] }];
      for (const json of ['{"a":1}', '[]', '5', 'null']) assert.equal(passes(kind, anyText, record(json)), false, json);
      assert.equal(passes(kind, anyText, record('{"a":')), true);
      const json = [{ [name]: { a: [{ exists: false }] } }];
      assert.equal(passes(kind, json, record('{"b":1}')), true);
      assert.equal(passes(kind, json, record('hello')), false);
      assert.equal(passes(kind, json, record('{"b":1} trailing')), false);
    });
  test('bytes that are no UTF-8 are no JSON', () => {
    const broken = Buffer.from('{"a":"\xff"}', 'latin1');
    assert.equal(passes('kinesis', [{ data: { a: [{ exists: true }] } }], kinesisRecord(broken)), false);
    assert.equal(passes('kafka', [{ value: [{ prefix: '{' }] }], kafkaRecord(broken)), true);
  });
  test('a Kafka record without a value has none', () => {
    assert.equal(passes('kafka', [{ value: { a: [{ exists: false }] } }], kafkaRecord(null)), false);
    assert.equal(passes('kafka', [{ value: [null] }], kafkaRecord(null)), true);
    assert.equal(passes('kafka', [{ key: ['key'] }], kafkaRecord(null)), true);
  });
});

describe('fields of each source', () => {
  test('metadata alone', () => {
    for (const body of ['text', '{"a":1}']) {
      assert.equal(passes('sqs', [{ attributes: { ApproximateReceiveCount: ['1'] } }], sqsRecord(body)), true);
      assert.equal(passes('sqs', [{ eventSource: [{ 'anything-but': 'aws:sqs' }] }], sqsRecord(body)), false);
    }
    assert.equal(passes('kafka', [{ offset: [15], topic: ['topic'] }], kafkaRecord('x')), true);
    assert.equal(passes('kafka', [{ headers: { kind: [111] } }], kafkaRecord('x')), true);
    assert.equal(passes('mq', [{ destination: { physicalName: ['testQueue'] } }], mqRecord('x')), true);
  });
  test('a field that the source does not have', () => {
    assert.equal(passes('sqs', [{ Region: [{ prefix: 'us-' }] }], sqsRecord('{"Region":"us-east-1"}')), false);
    for (const name of ['Region', 'constructor'])
      assert.equal(passes('sqs', [{ [name]: [{ exists: false }] }], sqsRecord('{"Region":"us-east-1"}')), true, name);
  });
  test('Kinesis: what is in `kinesis` stands beside the rest, its data as JSON', () => {
    const pattern = [{ partitionKey: ['1'], eventName: ['aws:kinesis:record'], data: { Location: ['Los Angeles'] } }];
    assert.equal(passes('kinesis', pattern, kinesisRecord('{"Location":"Los Angeles"}')), true);
    assert.equal(passes('kinesis', pattern, kinesisRecord('{"Location":"Los Angeles"}', { partitionKey: '2' })), false);
    assert.equal(passes('kinesis', pattern, kinesisRecord('Los Angeles')), false);
  });
  test('DynamoDB: images are as they are, numbers in them strings', () => {
    const record = dynamodbRecord({ NewImage: { Age: { N: '10' }, Tags: { SS: ['a', 'b'] } } });
    assert.equal(passes('dynamodb', [{ dynamodb: { Keys: { Id: { N: ['101'] } } } }], record), true);
    assert.equal(passes('dynamodb', [{ dynamodb: { NewImage: { Tags: { SS: ['b'] } } } }], record), true);
    assert.equal(
      passes('dynamodb', [{ dynamodb: { NewImage: { Age: { N: [{ numeric: ['>', 5] }] } } } }], record),
      false,
    );
    const oneOf = { N: [{ numeric: ['>', 5] }, { 'anything-but': '11' }] };
    assert.equal(passes('dynamodb', [{ dynamodb: { NewImage: { Age: oneOf } } }], record), true);
    // An attribute is an object, which exists no more than it does not.
    assert.equal(passes('dynamodb', [{ dynamodb: { NewImage: { Age: [{ exists: true }] } } }], record), false);
    assert.equal(passes('dynamodb', [{ dynamodb: { NewImage: { Age: [{ exists: false }] } } }], record), true);
    const positive = { ApproximateCreationDateTime: [{ numeric: ['>', 0] }] };
    assert.equal(passes('dynamodb', [{ dynamodb: positive }], record), true);
    assert.equal(passes('dynamodb', [{ dynamodb: { SizeBytes: [26] }, eventName: ['INSERT'] }], record), true);
    assert.equal(passes('dynamodb', [{ dynamodb: { OldImage: { Age: { N: [{ exists: false }] } } } }], record), true);
  });
  test('one filter of several is enough', () => {
    const filters = [{ body: ['plain'] }, { body: { a: [1] } }];
    assert.equal(passes('sqs', filters, sqsRecord('plain')), true);
    assert.equal(passes('sqs', filters, sqsRecord('{"a":1}')), true);
    assert.equal(passes('sqs', filters, sqsRecord('{"a":2}')), false);
  });
});

describe('what is large or deep', () => {
  const deep = 200_000;
  test('is judged at any depth', () => {
    const body = `{"a":${'['.repeat(deep)}7${']'.repeat(deep)},"b":"x"}`;
    const objects = `{"a":${'{"a":'.repeat(deep)}7${'}'.repeat(deep)},"b":"x"}`;
    for (const pattern of [{ a: [7] }, { a: [{ numeric: ['=', 7] }] }])
      assert.deepEqual(fitting(pattern, [body]), [body]);
    assert.deepEqual(fitting({ b: ['x'] }, [objects]), [objects]);
    assert.deepEqual(fitting({ a: [{ exists: false }], b: ['x'] }, [objects]), [objects]);
    assert.deepEqual(fitting({ a: { a: [7] } }, [body, objects]), []);
  });
  test('a million bytes of elements against the longest patterns', () => {
    const shortest: readonly (readonly [object, string])[] = [
      [Array.from({ length: 200 }, (_, at) => ({ prefix: `${at}x` })), '""'],
      [Array.from({ length: 150 }, (_, at) => ({ numeric: ['=', at + 10] })), '1'],
      [Array.from({ length: 200 }, () => ({ 'anything-but': 1 })), '1'],
    ];
    for (const [leaf, element] of shortest)
      assert.deepEqual(fitting({ a: leaf }, [`{"a":[${Array(330_000).fill(element).join()}]}`]), []);
    const elements = Array(30_000).fill('{"a":"aaaaaaaaaaaaaaaaaaaaaa"}').join();
    const matchers = Array(150).fill({ suffix: 'aaaaab' });
    assert.deepEqual(fitting({ list: { a: matchers } }, [`{"list":[${elements}]}`]), []);
    const nested = '{"list":{"list":{"list":{"list":{"list":{"a":[{"exists":false},"b"]}}}}}}';
    assert.deepEqual(fitting(nested, [`{"list":[${elements}]}`]).length, 1);
  });
});
