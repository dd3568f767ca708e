import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { FilterPatternError, parseFilterPattern } from '../../src/logs/filter-pattern.ts';

const LINES = [
  '[ERROR 400] BAD REQUEST',
  '[ERROR 401] UNAUTHORIZED REQUEST',
  '[ERROR 419] MISSING ARGUMENTS',
  '[ERROR 420] INVALID ARGUMENTS',
  'say "hi" now',
];

function matchingOf(lines: readonly string[]): (pattern: string) => number[] {
  return (pattern) => {
    const matches = parseFilterPattern(pattern);
    return lines.flatMap((line, i) => (matches(line) ? [i] : []));
  };
}

test('terms, phrases, exclusions and alternatives', () => {
  const matching = matchingOf(LINES);
  assert.deepEqual(matching(''), [0, 1, 2, 3, 4]);
  assert.deepEqual(matching('ERROR ARGUMENTS'), [2, 3]);
  assert.deepEqual(matching('error'), []);
  assert.deepEqual(matching('"INVALID ARGUMENTS"'), [3]);
  assert.deepEqual(matching('ERROR -ARGUMENTS'), [0, 1]);
  assert.deepEqual(matching('-ERROR'), [4]);
  assert.deepEqual(matching('?BAD ?MISSING'), [0, 2]);
  assert.deepEqual(matching('?BAD REQUEST'), [0, 1]);
  assert.deepEqual(matching('ERROR -"BAD REQUEST" -"INVALID ARGUMENTS"'), [1, 2]);
  assert.deepEqual(matching('"say \\"hi\\""'), [4]);
  assert.deepEqual(matching('  ERROR\t401 '), [1]);
});

describe('JSON patterns', () => {
  const matching = matchingOf(
    [
      {
        eventType: 'UpdateTrail',
        sourceIPAddress: '111.111.111.111',
        n: 5,
        users: [{ id: 1, mail: 'a@x' }, { id: 2 }],
      },
      { eventType: 'Other', sourceIPAddress: '123.123.0.1', n: 12.5, flag: true, gone: null },
      {
        eventType: 'Update*',
        n: '5',
        flag: false,
        'dotted.name': 'x',
        'sp ace': 'y',
        deep: { a: { b: [[3], [4, 5]] } },
      },
      'no json',
      '[{"id":7}]\n',
      '7',
    ].map((line) => (typeof line === 'string' ? line : JSON.stringify(line))),
  );

  it('compare texts, with wildcards', () => {
    assert.deepEqual(matching('{ $.eventType = "UpdateTrail" }'), [0]);
    assert.deepEqual(matching('{$.eventType=UpdateTrail}'), [0]);
    assert.deepEqual(matching('{ $.eventType = Update* }'), [0, 2]);
    assert.deepEqual(matching('{ $.eventType = "*date*ai*" }'), [0]);
    assert.deepEqual(matching('{ $.eventType = "Update\\*" }'), [2]);
    assert.deepEqual(matching('{ $.sourceIPAddress != 123.123.* }'), [0]);
    assert.deepEqual(matching('{ $.eventType = "*" }'), [0, 1, 2]);
    assert.deepEqual(matching('{ $.eventType = "updatetrail" }'), []);
  });

  it('compare numbers', () => {
    assert.deepEqual(matching('{ $.n = 5 }'), [0, 2]);
    assert.deepEqual(matching('{ $.n = 5.0 }'), [0]);
    assert.deepEqual(matching('{ $.n > 4 }'), [0, 1]);
    assert.deepEqual(matching('{ $.n >= 1.25e1 }'), [1]);
    assert.deepEqual(matching('{ $.n < 12 && $.n <= 5 }'), [0]);
    assert.deepEqual(matching('{ $.n != 5 }'), [1]);
    assert.deepEqual(matching('{ $.n = 1* }'), [1]);
  });

  it('ask for true, false, null and for what is not there', () => {
    assert.deepEqual(matching('{ $.flag IS TRUE }'), [1]);
    assert.deepEqual(matching('{ $.flag IS FALSE }'), [2]);
    assert.deepEqual(matching('{ $.gone IS NULL }'), [1]);
    assert.deepEqual(matching('{ $.flag NOT EXISTS }'), [0, 4]);
    assert.deepEqual(matching('{ $.gone = "*" }'), []);
    assert.deepEqual(matching('{ $.deep != "x" }'), []);
    assert.deepEqual(matching('{ $.toString NOT EXISTS && $.__proto__ NOT EXISTS }'), [0, 1, 2, 4]);
  });

  it('select members and elements', () => {
    assert.deepEqual(matching('{ $.users[0].id = 1 && $.users[1].id = 2 }'), [0]);
    assert.deepEqual(matching('{ $.users[2].id NOT EXISTS && $.users[0].mail = "a@*" }'), [0]);
    assert.deepEqual(matching('{ $.users[*].id = 2 }'), [0]);
    assert.deepEqual(matching('{ $.deep.a.b[1][*] = 5 }'), [2]);
    assert.deepEqual(matching(`{ $.['dotted.name'] = "x" && $["sp ace"] = y }`), [2]);
    assert.deepEqual(matching('{ $[0].id = 7 }'), [4]);
  });

  it('are joined: && before ||, and as parentheses say', () => {
    assert.deepEqual(matching('{ $.n = 5 || $.n > 12 && $.flag IS FALSE }'), [0, 2]);
    assert.deepEqual(matching('{ ($.n = 5 || $.n > 12) && ($.flag IS TRUE) }'), [1]);
    assert.deepEqual(matching('{(($.n=5)&&(($.users[0].id=1)||($.flag IS TRUE)))}'), [0]);
  });

  it('take regular expressions, two at most', () => {
    assert.deepEqual(matching('{ $.eventType = %^Up.*l$% }'), [0]);
    assert.deepEqual(matching('{ $.eventType != %Trail% && $.n = %\\.5% }'), [1]);
    assert.throws(
      () => parseFilterPattern('{ $.a = %a% && $.b = %b% && $.c = %c% }'),
      /more than 2 regular expressions/,
    );
  });
});

describe('space-delimited patterns', () => {
  const matching = matchingOf([
    '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534\n',
    '127.0.0.1 - frank [10/Oct/2000:13:35:22 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326',
    '127.0.0.1 - bob   [10/Oct/2000:13:50:35 -0700] "POST /x [y]" 500 5324',
    'ERROR something "went wrong',
  ]);

  it('count columns, and take what is quoted or bracketed as one', () => {
    assert.deepEqual(matching('[ip, id, user, time, request, status, bytes]'), [0, 1, 2]);
    assert.deepEqual(matching('[a, b, c, d]'), [3]);
    assert.deepEqual(matching('[a, b]'), []);
    assert.deepEqual(matching('[...]'), [0, 1, 2, 3]);
  });

  it('compare columns', () => {
    assert.deepEqual(matching('[ip, id, user, time, request, status = 4*, bytes]'), [0]);
    assert.deepEqual(matching('[ip, id, user, time, request = "*gif*", status, bytes > 1000]'), [1]);
    assert.deepEqual(matching('[ip, id, user, time = "10/Oct/2000:13:5*", request, status, bytes]'), [2]);
    assert.deepEqual(matching('[..., status >= 404, bytes <= 2000]'), [0]);
    assert.deepEqual(matching('[ip != 1*, ...]'), [3]);
    assert.deepEqual(matching('[ip, ..., status = %^[45]%, bytes]'), [0, 2]);
    assert.deepEqual(matching('[ip, id, user = frank || user = bob, ..., status != 404 && status != 500, bytes]'), [1]);
    assert.deepEqual(
      matching('[ip, id, user, time, (request = POST* && request != "*y*") || request = GET*, ...]'),
      [0, 1],
    );
    assert.deepEqual(matching('[w > 5, ...]'), []);
  });
});

describe('regular expressions', () => {
  const matching = matchingOf([...LINES, '10.0.12.255 colour\r\n', 'a-b_c tab\there ünï 日本\n']);

  it('match anywhere, and at the ends where they say so', () => {
    assert.deepEqual(matching('%AUTHORIZED%'), [1]);
    assert.deepEqual(matching('%^say%'), [4]);
    assert.deepEqual(matching('%ARGUMENTS$%'), [2, 3]);
    assert.deepEqual(matching('%colou?r$%'), [5]);
    assert.deepEqual(matching('%^a.*n%'), [6]);
    assert.deepEqual(matching('%[Ss]ay|4[12]\\d%'), [2, 3, 4]);
    assert.deepEqual(matching('%\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}%'), [5]);
    assert.deepEqual(matching('%b\\wc\\stab\\x09here%'), [6]);
    assert.deepEqual(matching('%[^A-Za-z0-9\\s\\[\\]\\"_.-]%'), [6]);
  });

  it('of other forms are refused', () => {
    for (const source of [
      '',
      'a!',
      '(a)',
      'a(?:b)',
      '*a',
      'a**',
      'a+?',
      'a{2,1}',
      'a{',
      'a}',
      '[',
      '[]',
      '[z-a]',
      'a b',
      '\\q',
      'é',
      '^*',
    ])
      assert.throws(() => parseFilterPattern(`%${source}%`), FilterPatternError, source);
  });
});

test('what is no pattern is refused, as it is by AWS', () => {
  const refusal = (pattern: string) => {
    try {
      parseFilterPattern(pattern);
    } catch (error) {
      assert.ok(error instanceof FilterPatternError, String(error));
      return error.message;
    }
    return undefined;
  };
  assert.equal(refusal('"unclosed'), `Invalid character(s) in term '"unclosed'`);
  assert.equal(refusal('a"b"'), `Invalid character(s) in term 'a"b"'`);
  assert.equal(refusal('ok not-ok'), "Invalid character(s) in term 'not-ok'");
  for (const pattern of [
    '{',
    '{}',
    '{ $.a }',
    '{ $ = 1 }',
    '{ a = 1 }',
    '{ $.a = }',
    '{ $.a = "x }',
    '{ $.a > "x" }',
    '{ $.a < x* }',
    '{ $.a = 1 && }',
    '{ ($.a = 1 }',
    '{ $.a = 1 } x',
    '{ $.a IS BLUE }',
    '{ $.a EXISTS }',
    '{ $.a[-1] = 1 }',
    '{ $.a = 1 & $.b = 1 }',
    '[',
    '[]',
    '[a,]',
    '[a b]',
    '[a = ]',
    '[a = 1 && b = 2]',
    '%a',
    '%',
  ])
    assert.equal(refusal(pattern), 'Invalid filter pattern', pattern);
  assert.match(refusal('[..., a, ...]') ?? '', /more than one ellipsis/);
});
