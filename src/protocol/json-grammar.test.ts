import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isJson } from './json-grammar.ts';

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** At every offset within a word, since long strings are looked at in words. */
function agrees(text: string): void {
  const expected = parses(text);
  for (let shift = 0; shift < 4; shift++) {
    const bytes = Buffer.from(`${'-'.repeat(shift)}${text}`).subarray(shift);
    assert.equal(isJson(bytes), expected, `${JSON.stringify(text.slice(0, 200))} at offset ${shift}`);
  }
}

test('says of single values what JSON.parse says', () => {
  const scalars = [
    '0',
    '-0',
    '10',
    '01',
    '-',
    '1.',
    '.5',
    '1.5',
    '1e5',
    '1E+5',
    '1e-',
    '1e',
    '-1.25e-7',
    '+1',
    '0x1',
    'NaN',
  ];
  const words = ['true', 'false', 'null', 'tru', 'nulll', 'True', 'falsy', 'undefined'];
  const strings = [
    '""',
    '"',
    '"a',
    '"\\',
    '"\\"',
    '"\\u',
    '"\\u00e9"',
    '"\\u00g9"',
    '"\\ud800"',
    '"\\x"',
    '"\\/"',
    "'a'",
    '"é💥"',
  ];
  const containers = [
    '[]',
    '{}',
    '[',
    '{',
    ']',
    '[}',
    '{]',
    '[1,]',
    '[,1]',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{a:1}',
    '{"a":1 "b":2}',
  ];
  const spaced = [
    '',
    ' ',
    ' 1 ',
    '\t[\r\n1 , 2 ]\n',
    '\ufeff1',
    '\u00a01',
    '1 2',
    '[1 2]',
    '{ "a" : { } }',
    '[[]',
    '[]]',
    '/**/1',
  ];
  for (const text of [...scalars, ...words, ...strings, ...containers, ...spaced]) agrees(text);
});

test('finds every character that may not stand in a string, wherever it stands in a long one', () => {
  const around = 'x'.repeat(70);
  for (let code = 0; code < 0x100; code++) {
    const character = String.fromCharCode(code);
    for (let shift = 0; shift < 8; shift++)
      agrees(`"${around}${'y'.repeat(shift)}${character}${around}${character === '"' ? '' : '"'}`);
  }
});

test('keeps its place in values that lie deep in one another', () => {
  const depth = 100_000;
  agrees(`${'['.repeat(depth)}${']'.repeat(depth)}`);
  agrees(`${'{"a":['.repeat(depth)}1${']}'.repeat(depth)}`);
  agrees(`${'['.repeat(depth)}${']'.repeat(depth - 1)}`);
  agrees(`${'{"a":['.repeat(depth)}1${']}'.repeat(depth - 1)}}]`);
});

test('says of damaged texts what JSON.parse says', () => {
  const whole = JSON.stringify({
    a: [1, -2.5e3, { b: `${'x'.repeat(80)}\n"é"` }],
    c: null,
    d: [],
    e: {},
    f: [true, false],
  });
  const pieces = ['', '{', '}', '[', ']', ',', ':', '"', '\\', '0', '-', '.', 'e', 'u', ' ', '\n', '\u0001', 'null'];
  for (let at = 0; at <= whole.length; at++)
    for (const piece of pieces)
      for (const removed of [0, 1, 2]) {
        const text = whole.slice(0, at) + piece + whole.slice(at + removed);
        assert.equal(isJson(Buffer.from(text)), parses(text), text);
      }
});
