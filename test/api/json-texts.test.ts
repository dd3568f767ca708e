/**
 * What is JSON and what is not, by RFC 8259 alone. The published lists say the same at greater length where they lie beside
 * the checkout.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkJsonPayload } from '../../src/functions/json-payload.ts';
import { ApiError } from '../../src/model/api-error.ts';
import { parseJson } from '../../src/protocol/json-text.ts';

const ACCEPTED = [
  ...[
    '[]',
    '{}',
    ' [] ',
    '\t\n\r[]',
    'null',
    'true',
    'false',
    '""',
    '0',
    '-0',
    '1.5',
    '1e5',
    '1E+5',
    '1e-5',
    '-1',
    '123',
  ],
  ...['[[]]', '[null,1,"a",{}]', '[1,\n2]', '{"":0}', '{"a":{}}', '{"a":1,"b":2}', '{"a":1,"a":2}', '{"\\u0000":1}'],
  ...[
    '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
    '"\\u00e9"',
    '"\\ud83d\\ude00"',
    '"é"',
    '"😀"',
    '"\u2028"',
    '"\u007f"',
    '"\\uDBFF\\uDFFF"',
  ],
  ...['1.0e+2', '20', '0e1', '0.1', '-0.0', '[1 ]', '{"a" : 1}', '"asd "', '"\u0080"', '"/"'],
];

const REFUSED = [
  ...[
    '',
    ' ',
    '[',
    ']',
    '{',
    '}',
    '[1',
    '[1,',
    '[1,]',
    '[,1]',
    '[1,,2]',
    '[1 2]',
    '[1;2]',
    '[:1]',
    '[]]',
    '[][]',
    '[1]x',
  ],
  ...[
    '{"a"}',
    '{"a":}',
    '{"a" 1}',
    '{:1}',
    '{"a":1,}',
    '{"a":1,,"b":2}',
    '{,}',
    '{1:1}',
    "{'a':1}",
    '{a:1}',
    '{"a":1}}',
    '{"a":1 "b":2}',
  ],
  ...[
    '01',
    '-01',
    '1.',
    '.1',
    '-',
    '+1',
    '--1',
    '1e',
    '1e+',
    '0e',
    '0x1',
    '1_000',
    '1a',
    'NaN',
    'Infinity',
    '-Infinity',
    '1 000',
    '２',
  ],
  ...[
    '"',
    '"a',
    "'a'",
    '"\\x41"',
    '"\\u12"',
    '"\\u123g"',
    '"\\',
    '"\\"',
    '"\n"',
    '"\t"',
    '"\0"',
    '"\u001f"',
    '"a"b',
    '"\\a"',
    '"\\U0041"',
  ],
  ...[
    'nul',
    'nullx',
    'True',
    'TRUE',
    'undefined',
    'tru',
    '[tru]',
    '// a\n1',
    '/* a */1',
    '1 // a',
    '#1',
    '<a>',
    '\f[]',
    '\u00a0[]',
    '\u2060[]',
  ],
  '['.repeat(100_000),
  '{"a":'.repeat(50_000),
  '[{"":'.repeat(50_000),
];

/** Bytes that are no UTF-8 at all, in and out of strings. */
const NO_TEXT = [
  [0xff],
  [0x5b, 0xff, 0x5d],
  [0x22, 0x5c, 0xe5, 0x22],
  [0xe5],
  [0x5b, 0x61, 0xe5, 0x5d],
  [0x7b, 0xb9, 0x7d],
];

/** What is no JSON to the parser of requests, and to that of payloads. */
const parsers: Readonly<Record<string, (bytes: Buffer) => unknown>> = {
  'a request': parseJson,
  'a payload': (bytes) => checkJsonPayload(bytes),
};

for (const [name, parse] of Object.entries(parsers)) {
  test(`JSON is JSON in ${name}`, () => {
    for (const text of ACCEPTED) assert.doesNotThrow(() => parse(Buffer.from(text)), JSON.stringify(text));
  });

  test(`what is no JSON is refused in ${name}`, () => {
    for (const bytes of [
      ...REFUSED.filter((text) => text !== '').map((text) => Buffer.from(text)),
      ...NO_TEXT.map((it) => Buffer.from(it)),
    ])
      assert.throws(() => parse(bytes), ApiError, JSON.stringify(bytes.toString('latin1').slice(0, 60)));
  });
}
