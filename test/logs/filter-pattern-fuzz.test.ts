// Random patterns and messages against evaluators so plain that they can be believed; and what hostile ones may cost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FilterPatternError, parseFilterPattern } from '../../src/logs/filter-pattern.ts';

/** Numbers that look random and are the same in every run. */
function generator(seed: number) {
  let state = seed;
  const below = (limit: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
  const one = <T>(of: readonly T[]): T => of[below(of.length)] as T;
  const some = (atMost: number, make: () => string) => Array.from({ length: below(atMost + 1) }, make).join('');
  return { below, one, some };
}

const ROUNDS = 20_000;

test('regular expressions match as the language’s own do', () => {
  const { one, some, below } = generator(1);
  const atoms = [
    'a',
    'b',
    'c',
    '.',
    '[ab]',
    '[^a]',
    '[a-c]',
    '\\d',
    '\\D',
    '\\s',
    '\\S',
    '\\w',
    '\\W',
    '\\.',
    '\\x61',
    '-',
  ];
  const quantifiers = ['', '', '', '?', '*', '+', '{2}', '{0,2}', '{1,}', '{1,3}'];
  const atom = () => (below(8) === 0 ? one(['^', '$']) : one(atoms) + one(quantifiers));
  let matched = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const source = atom() + some(4, () => (below(6) === 0 ? `|${atom()}` : atom()));
    const message =
      some(8, () => one(['a', 'b', 'c', 'd', '1', ' ', '.', '-', 'ü', '\r'])) + one(['', '', '\n', '\r\n']);
    // Spaces are ASCII's, `.` is all but line ends, and `$` holds before the last line end, too.
    const plain = source
      .replaceAll('\\s', '[ \\t\\n\\v\\f\\r]')
      .replaceAll('\\S', '[^ \\t\\n\\v\\f\\r]')
      .replace(/(?<!\\)\./g, '[^\\n\\r]')
      .replaceAll('\\x61', 'a')
      .replaceAll('\\w', '[A-Za-z0-9_]')
      .replaceAll('$', '(?=(?:\\r?\\n)?$)(?<!\\r(?=\\n$))');
    const expected = new RegExp(plain).test(message);
    const actual = parseFilterPattern(`%${source}%`)(message);
    assert.equal(actual, expected, `%${source}% on ${JSON.stringify(message)}`);
    if (actual) matched += 1;
  }
  assert.ok(matched > ROUNDS / 10 && matched < (ROUNDS * 9) / 10, `${matched} of ${ROUNDS} match`);
});

/** Whether a text is a glob of `*` and letters: by trying every length for every star. */
function isGlob(glob: string, text: string): boolean {
  if (glob === '') return text === '';
  if (glob.startsWith('*')) return isGlob(glob.slice(1), text) || (text !== '' && isGlob(glob, text.slice(1)));
  return glob.charAt(0) === text.charAt(0) && isGlob(glob.slice(1), text.slice(1));
}

test('conditions on JSON hold as when each is looked at by itself', () => {
  const { one, some, below } = generator(2);
  const word = () => one(['a', 'b']) + some(3, () => one(['a', 'b']));
  type Naive = (document: Readonly<Record<string, unknown>>) => boolean;
  const numberOf = (value: unknown) => (typeof value === 'number' ? value : Number.NaN);
  const leaf = (): readonly [string, Naive] => {
    const name = one(['p', 'q', 'r']);
    const number = below(4);
    const glob = some(2, () => one(['*', 'a', 'b'])) + one(['a', '*']);
    const forms: readonly (readonly [string, (value: unknown) => boolean])[] = [
      [`$.${name} = ${number}`, (value) => value === number],
      [`$.${name} != ${number}`, (value) => value !== null && value !== undefined && value !== number],
      [`$.${name} < ${number}`, (value) => numberOf(value) < number],
      [`$.${name} >= ${number}`, (value) => numberOf(value) >= number],
      [`$.${name} = "${glob}"`, (value) => value !== null && value !== undefined && isGlob(glob, String(value))],
      [`$.${name} IS TRUE`, (value) => value === true],
      [`$.${name} IS NULL`, (value) => value === null],
      [`$.${name} NOT EXISTS`, (value) => value === undefined],
    ];
    const [text, holds] = one(forms);
    return [text, (document) => holds(document[name])];
  };
  const expression = (depth: number): readonly [string, Naive] => {
    if (depth === 0 || below(3) === 0) return leaf();
    const [left, leftHolds] = expression(depth - 1);
    const [right, rightHolds] = expression(depth - 1);
    return below(2) === 0
      ? [`(${left}) && (${right})`, (document) => leftHolds(document) && rightHolds(document)]
      : [`(${left}) || (${right})`, (document) => leftHolds(document) || rightHolds(document)];
  };
  const value = () => one<unknown>([undefined, null, true, false, below(4), below(4), word(), word()]);
  let matched = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const [text, holds] = expression(3);
    const document = { p: value(), q: value(), r: value() };
    const message = JSON.stringify(document);
    const actual = parseFilterPattern(`{ ${text} }`)(message);
    assert.equal(actual, holds(document), `{ ${text} } on ${message}`);
    if (actual) matched += 1;
  }
  assert.ok(matched > ROUNDS / 10 && matched < (ROUNDS * 9) / 10, `${matched} of ${ROUNDS} match`);
});

test('columns match as when they are counted by hand', () => {
  const { one, below } = generator(3);
  const field = () => one(['a', 'b', '7', '12', '"a b"', '[x y]']);
  const bare = (text: string) => text.replace(/^["[]|["\]]$/g, '');
  let matched = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const fields = Array.from({ length: below(6) }, field);
    const columns = Array.from({ length: 1 + below(5) }, () =>
      one<readonly [string, (text: string) => boolean]>([
        ['c', () => true],
        ['c = a*', (text) => text.startsWith('a')],
        ['c != b', (text) => text !== 'b'],
        ['c > 7', (text) => Number(text) > 7],
        ['c = 7 || c = "x y"', (text) => text === '7' || text === 'x y'],
      ]),
    );
    const at = below(columns.length + 3);
    const hasEllipsis = at <= columns.length;
    const texts = columns.map(([text]) => text);
    if (hasEllipsis) texts.splice(at, 0, '...');
    const before = hasEllipsis ? columns.slice(0, at) : columns;
    const after = hasEllipsis ? columns.slice(at) : [];
    const values = fields.map(bare);
    const isEnough = hasEllipsis ? values.length >= columns.length : values.length === columns.length;
    const expected =
      isEnough &&
      before.every(([, holds], i) => holds(values[i] ?? '')) &&
      after.every(([, holds], i) => holds(values[values.length - after.length + i] ?? ''));
    const actual = parseFilterPattern(`[${texts.join(', ')}]`)(fields.join(one([' ', '  '])));
    assert.equal(actual, expected, `[${texts.join(', ')}] on ${fields.join(' ')}`);
    if (actual) matched += 1;
  }
  assert.ok(matched > ROUNDS / 20, `${matched} of ${ROUNDS} match`);
});

test('random text is a pattern or is refused, and nothing else', () => {
  const { one, some } = generator(4);
  const tokens = [
    ...'{}[]()%"\\$.,*=!<>&|?+^-',
    ' ',
    '$.a',
    '&&',
    '||',
    '...',
    'IS NULL',
    'NOT EXISTS',
    'a',
    '1',
    '日',
  ];
  let accepted = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const pattern = one(['{ ', '[', '%', '', '"']) + some(10, () => one(tokens)) + one([' }', ']', '%', '', '"']);
    try {
      parseFilterPattern(pattern)(some(10, () => one(tokens)));
      accepted += 1;
    } catch (error) {
      assert.ok(error instanceof FilterPatternError, `${pattern}: ${error}`);
    }
  }
  assert.ok(accepted > 100);
});

/** These would take a backtracking or quadratic matcher hours; the run’s own limit on a test is what fails them. */
test('hostile patterns and messages end', () => {
  const long = 1_000_000;
  const hostile: readonly (readonly [string, string])[] = [
    [`%${'a*'.repeat(500)}b%`, 'a'.repeat(long)],
    [`%${'a?'.repeat(400)}${'a'.repeat(200)}b%`, 'a'.repeat(long)],
    ['%[ab]*a[ab]{900}c%', 'abaabbab'.repeat(long / 8)],
    [`%${'.*'.repeat(400)}x$%`, 'y'.repeat(long)],
    [`%${'a|'.repeat(500)}b%`, 'c'.repeat(long)],
    [`{ $.a = "${'*a'.repeat(400)}b" }`, JSON.stringify({ a: 'a'.repeat(long) })],
    [`{ ${'('.repeat(450)}$.a = 1${')'.repeat(450)} }`, '{"a":1}'],
    [`{ $.a${'[*]'.repeat(300)} = 1 }`, `{"a":${'['.repeat(long / 2)}${']'.repeat(long / 2)}}`],
    ['[a, ..., b]', '[ '.repeat(long / 2)],
    ['[a, ..., b]', `${'[ '.repeat(long / 2)}]x`],
    ['[a, ..., b]', '" "x '.repeat(long / 5)],
    [`"${'a'.repeat(1000)}b"`, 'a'.repeat(long)],
  ];
  const seen = hostile.map(([pattern, message]) => {
    try {
      return parseFilterPattern(pattern)(message);
    } catch (error) {
      assert.ok(error instanceof FilterPatternError, `${pattern.slice(0, 50)}: ${error}`);
      return 'refused';
    }
  });
  assert.deepEqual(seen.slice(5), [false, true, false, true, true, true, false]);
  assert.ok(seen.includes('refused'));
  assert.equal(parseFilterPattern('%a{1,1000}%')('a'), true);
  assert.throws(() => parseFilterPattern('%a{9999}%'), /repeats too much/);
});
