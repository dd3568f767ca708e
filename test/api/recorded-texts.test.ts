/**
 * Every refusal that was recorded from AWS, provoked through HTTP and compared as a whole. The recordings stand in
 * recorded-texts.json: name, status and text as recorded, and the request that brings them about, or why none can.
 *
 * `ARN` stands for an ARN up to the account, `<name>` and 111111111111 for what the recording replaced; `fill` says by
 * what, and `@name` names something that recorded-texts-world.ts has. A text that ends in ` ...` was recorded no further.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { shapeOf } from './generated-validation-model.ts';
import { ACCOUNT, openRecordedWorld, REGION, type RecordedWorld } from './recorded-texts-world.ts';
import type { Refusal } from './send-when-asked.ts';

interface Recorded extends Refusal {
  readonly operation?: string;
  readonly input?: Readonly<Record<string, unknown>>;
  readonly fill?: Readonly<Record<string, string>>;
  /** The text with all its blanks, where the recording ran them together. */
  readonly exactly?: string;
  /** A shape whose pattern AWS has published anew since then: the model's stands in the place of the recorded one. */
  readonly republished?: string;
  /** Why lambdad cannot be made to say it. */
  readonly exempt?: string;
}

/** As many as were recorded, and as many of them as lambdad does not say: neither changes unnoticed. */
const RECORDED = 162;
const EXEMPT = 2;
const LIST_HEAD = 'Member must satisfy enum value set: [';
const PATTERN_HEAD = 'Member must satisfy regular expression pattern: ';
const CUT = / ?\.\.\.$/;

const recorded = JSON.parse(readFileSync(new URL('recorded-texts.json', import.meta.url), 'utf8')) as Recorded[];

/** The runtimes that AWS was seen to refuse as closed. */
const closed = recorded.flatMap(({ text }) => /^The runtime parameter of (\S+) is/.exec(text)?.[1] ?? []);

let world: RecordedWorld;
before(async () => {
  world = await openRecordedWorld();
});
after(() => world[Symbol.asyncDispose]());

/** A string with its placeholders filled, or the thing that it names. */
function filled(value: unknown, fill: Recorded['fill'] = {}): unknown {
  if (Array.isArray(value)) return value.map((each) => filled(each, fill));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, filled(each, fill)]));
  if (typeof value !== 'string') return value;
  if (/^@\w+$/.test(value)) return world.stock[value.slice(1)] ?? assert.fail(`there is no ${value}`);
  const all: Record<string, string> = {
    '<function-name:1>': 'f',
    '<function-name>': 'f',
    '<code-sha256:1>': '@codeSha256',
    '<csc_arn_invalid>': '@missingSigningConfig',
    '<partition>': 'aws',
    '<region>': REGION,
    '111111111111': ACCOUNT,
    ...fill,
  };
  const whole = value.replace(/\bARN:/g, `arn:aws:lambda:${REGION}:${ACCOUNT}:`);
  return Object.entries(all).reduce(
    (text, [name, by]) => (text.includes(name) ? text.replaceAll(name, () => String(filled(by))) : text),
    whole,
  );
}

/** The recorded text with the pattern that the model has now; the two must differ, or the note is out of date. */
function withPattern(text: string, shape: string): string {
  const patternAt = text.indexOf(PATTERN_HEAD) + PATTERN_HEAD.length;
  const { pattern = '' } = shapeOf(shape);
  const seen = text.slice(patternAt).replace(CUT, '');
  assert.ok(patternAt >= PATTERN_HEAD.length && pattern.slice(0, seen.length) !== seen, `${shape} is as it was`);
  return `${text.slice(0, patternAt)}${pattern}${CUT.exec(text)?.[0] ?? ''}`;
}

function checkText(answered: string, expected: string): void {
  const listAt = expected.indexOf(LIST_HEAD);
  const isRuntimes = listAt >= 0 && /^\S+\d[.\w]*, /.test(expected.slice(listAt + LIST_HEAD.length));
  if (isRuntimes && CUT.test(expected)) checkRuntimes(answered, expected, listAt + LIST_HEAD.length);
  else if (CUT.test(expected)) {
    const known = expected.replace(CUT, '');
    assert.equal(answered.slice(0, known.length), known);
  } else assert.equal(answered, expected);
}

/** AWS gives its runtimes in no order, and other ones every year: only what stands before them is compared letter by letter. */
function checkRuntimes(answered: string, expected: string, listAt: number): void {
  assert.equal(answered.slice(0, listAt), expected.slice(0, listAt));
  const namesIn = (text: string) => (text.slice(listAt).split(']')[0] ?? '').split(', ');
  const [names, seen] = [namesIn(answered), namesIn(expected)];
  assert.ok(names.includes('nodejs24.x'), answered);
  assert.equal(new Set(names).size, names.length, answered);
  assert.ok(answered.slice(listAt).includes(']'), answered);
  if (!seen.some((name) => closed.includes(name)))
    assert.deepEqual(
      names.filter((name) => closed.includes(name)),
      [],
    );
}

describe('what AWS was recorded to refuse', { timeout: 60_000 }, () => {
  it('is here as a whole, each once, with its request or the reason why there is none', () => {
    assert.equal(recorded.length, RECORDED);
    assert.equal(new Set(recorded.map(({ name, text }) => `${name} ${text}`)).size, RECORDED);
    for (const { text, operation, input, exempt, exactly } of recorded) {
      assert.equal(operation !== undefined && input !== undefined, exempt === undefined, text);
      assert.equal(exactly?.trim().replace(/ +/g, ' ') ?? text, text);
    }
    assert.equal(recorded.filter(({ exempt }) => exempt !== undefined).length, EXEMPT);
  });

  for (const { name, status, text, operation, input = {}, fill, exactly, republished } of recorded)
    if (operation !== undefined)
      it(`${operation}: ${text.slice(0, 120)}`, async () => {
        const asked = filled(input, fill) as Readonly<Record<string, unknown>>;
        const refusal = await world.refusalOf(operation, asked);
        assert.ok(refusal, `${operation} did what it was asked`);
        assert.deepEqual([refusal.status, refusal.name], [status, name], refusal.text);
        const expected = filled(exactly ?? text, fill) as string;
        checkText(refusal.text, republished === undefined ? expected : withPattern(expected, republished));
      });
});
