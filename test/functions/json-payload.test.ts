import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkJsonPayload } from '../../src/functions/json-payload.ts';

const PLACE = '[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line:';
const VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";

function complaint(payload: Uint8Array | string): string {
  try {
    checkJsonPayload(Buffer.from(payload));
  } catch (error) {
    const prefix = 'Could not parse request body into json: Could not parse payload into json: ';
    assert.ok((error as Error).message.startsWith(prefix));
    return (error as Error).message.slice(prefix.length);
  }
  return '';
}

describe('the payload of an invoke', () => {
  it('may be any JSON value', () => {
    for (const text of ['{}', '[1,2.5e3,null]', '"ü€😀"', 'true', ' 0 ', '[[{"a":[]}]]', '"\\u0000"'])
      assert.equal(complaint(text), '', text);
  });

  it('is refused in the words that were recorded from AWS', () => {
    assert.equal(
      complaint(Uint8Array.of(0x99, 0x01)),
      `Unexpected character ((CTRL-CHAR, code 153)): expected a valid value ${VALUES} at ${PLACE} 1, column: 1]`,
    );
    assert.equal(complaint(Uint8Array.of(0x22, 0x87, 0x22)), `Invalid UTF-8 start byte 0x87 at ${PLACE} 1, column: 3]`);
  });

  it('is refused with the place of the first fault', () => {
    const cases: readonly (readonly [string, string, string])[] = [
      ['hello', `Unrecognized token 'hello': was expecting ${VALUES}`, '1, column: 6'],
      [
        '{"a":1,}',
        "Unexpected character ('}' (code 125)): was expecting double-quote to start field name",
        '1, column: 8',
      ],
      [
        '{"a" 1}',
        "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value",
        '1, column: 6',
      ],
      [
        '{"a":1\n "b"}',
        "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries",
        '2, column: 2',
      ],
      ['[1 2]', "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries", '1, column: 4'],
      ['{a:1}', "Unexpected character ('a' (code 97)): was expecting double-quote to start field name", '1, column: 2'],
      [
        "{'a':1}",
        "Unexpected character (''' (code 39)): was expecting double-quote to start field name",
        '1, column: 2',
      ],
      ['"abc', 'Unexpected end-of-input: was expecting closing quote for a string value', '1, column: 5'],
      ['   ', 'No content to map due to end-of-input', '1, column: 4'],
    ];
    for (const [text, message, place] of cases) assert.equal(complaint(text), `${message} at ${PLACE} ${place}]`, text);
    assert.match(complaint('{"a":{'), /expected close marker for Object \(start marker at .*column: 6\]\)/);
  });

  it('comes to an end, with some complaint, on whatever is no JSON', () => {
    const samples = [
      '{"a":1}}',
      '1 2',
      '01',
      '1.',
      '-',
      '"\\x"',
      '"\\',
      '"\n"',
      '[',
      '[,',
      '{"a"',
      '{"a',
      'nul',
      '{} []',
      '[1,]',
    ];
    const bytes = [[0xc0, 0x80], [0x22, 0xed, 0xa0, 0x80, 0x22], [0x22, 0xe2, 0x28], [0x22, 0xe2], [0xff], [0x00]];
    for (const sample of [...samples, ...bytes.map((it) => Uint8Array.from(it))])
      assert.match(complaint(sample), /^\S.* at \[Source: .*column: \d+\]$/, String(sample));
  });

  it('may be nested deeply', () => {
    const depth = 200_000;
    assert.match(complaint('['.repeat(depth)), /expected close marker for Array/);
  });
});
