import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { elementsOf, readXml, textOf } from '../../src/neighbours/xml.ts';

describe('XML of the Query services', () => {
  it('is read with its attributes passed over and its references resolved', () => {
    const root = readXml(
      `<?xml version="1.0" encoding="UTF-8"?>\n<!-- a <note> -->\n<R xmlns="http://x/" a='1'>\n <i><id>&lt;1&gt; &#38; &#x2713;</id><e/></i><i><id>2</id></i>\n</R>\n`,
    );
    assert.deepEqual(
      [...elementsOf(root, 'id')].map(({ text }) => text),
      ['<1> & ✓', '2'],
    );
    assert.equal(textOf(root, 'e'), '');
    assert.equal(textOf(root, 'none'), undefined);
  });

  const refused: readonly string[] = [
    '',
    'text',
    '<a>',
    '</a>',
    '<a></b>',
    '<a><b></a></b>',
    '<a/><b/>',
    '<a/>text',
    '<a b=c/>',
    '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    '<a>&nbsp;</a>',
    '<a>&#x110000;</a>',
    '<a>&</a>',
    '<a><![CDATA[x]]></a>',
    '<?php x ?><a/>',
    '<a>'.repeat(100) + '</a>'.repeat(100),
  ];
  for (const source of refused)
    it(`is refused whole: ${source.slice(0, 40)}`, () => assert.throws(() => readXml(source), SyntaxError));
});
