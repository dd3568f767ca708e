import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { everythingRequired } from '../support/requirement.ts';
import { type Attempt, type Configuration, type Sent, type Story, simulate } from './simulation.ts';

const SEEDS = everythingRequired ? 10_000 : 1_000;
/** Seeds that once showed a mistake. */
const KEPT: readonly number[] = [81];

interface Record {
  readonly requestContext: { readonly condition: string; readonly approximateInvokeCount: number };
}

function check(story: Story): void {
  assert.equal(story.left, 0, 'something is left in the queue');
  for (const event of story.events) {
    const configuration = story.configurations.find(({ name }) => name === event.name) as Configuration;
    const attempts = story.attempts.filter(({ requestId }) => requestId === event.requestId);
    const sent = story.sent.filter(({ delivery }) => delivery.requestId === event.requestId);
    if (story.kills === 0) checkExactly(configuration, event.bornMs, attempts, sent);
    else checkLoosely(configuration, attempts, sent, story.kills);
  }
  const known = new Set(story.events.map(({ requestId }) => requestId));
  for (const { requestId } of story.attempts) assert.ok(known.has(requestId), `an attempt of ${requestId}`);
}

function ran(attempts: readonly Attempt[]): number {
  return attempts.filter(({ kind }) => kind === 'succeeded' || kind === 'failed').length;
}

/** Without a kill everything happens once, in its time. */
function checkExactly(
  configuration: Configuration,
  bornMs: number,
  attempts: readonly Attempt[],
  sent: readonly Sent[],
) {
  const { retriesMax = 2, eventAgeMaxS = 21_600, reservedConcurrency } = configuration;
  const ageMaxMs = eventAgeMaxS * 1000;
  let failures = 0;
  let setbacks = 0;
  let delayMs = 0;
  for (const [index, attempt] of attempts.entries()) {
    const before = attempts[index - 1];
    assert.ok(attempt.beganMs - bornMs <= ageMaxMs, `an attempt at the age of ${attempt.beganMs - bornMs} ms`);
    if (before) assert.ok(attempt.beganMs - before.endedMs >= delayMs, `an attempt ${delayMs} ms after the last`);
    if (before) assert.notEqual(before.kind, 'succeeded', 'an attempt after a success');
    failures += attempt.kind === 'failed' ? 1 : 0;
    setbacks = attempt.kind === 'failed' ? 0 : setbacks + 1;
    delayMs = attempt.kind === 'failed' ? 60_000 * failures : Math.min(2 ** (setbacks - 1), 300) * 1000;
  }
  assert.ok(ran(attempts) <= 1 + retriesMax, `${ran(attempts)} runs`);
  const last = attempts.at(-1);
  const condition = conditionOf(last, failures, retriesMax, reservedConcurrency);
  // What would be too old at its next attempt ends at once; otherwise it was too old when its line came to it.
  if (condition === 'EventAgeExceeded')
    for (const { delivery } of sent) {
      const isTooLate = last !== undefined && last.endedMs + delayMs - bornMs > ageMaxMs;
      if (isTooLate) assert.equal(delivery.endedMs, last.endedMs, 'not given up at once');
      else assert.ok(delivery.endedMs - bornMs > ageMaxMs, 'given up too early');
    }
  if (reservedConcurrency === 0) assert.equal(attempts.length, 0);
  checkSent(configuration, sent, condition, ran(attempts), 1);
}

function conditionOf(last: Attempt | undefined, failures: number, retriesMax: number, reserved: number | undefined) {
  if (reserved === 0) return 'ZeroReservedConcurrency';
  if (last?.kind === 'succeeded') return 'Success';
  return last?.kind === 'failed' && failures > retriesMax ? 'RetriesExhausted' : 'EventAgeExceeded';
}

/** A kill may repeat what was in flight, and loses nothing. */
function checkLoosely(
  configuration: Configuration,
  attempts: readonly Attempt[],
  sent: readonly Sent[],
  kills: number,
) {
  const { retriesMax = 2, reservedConcurrency } = configuration;
  assert.ok(ran(attempts) <= 1 + retriesMax + kills, `${ran(attempts)} runs with ${kills} kills`);
  if (reservedConcurrency === 0) assert.equal(attempts.length, 0);
  const conditions = new Set(sent.flatMap(({ delivery, body }) => (delivery.attributes ? [] : [conditionIn(body)])));
  assert.ok(conditions.size <= 1, `several outcomes: ${[...conditions]}`);
  const [condition] = conditions;
  if (condition !== undefined) checkSent(configuration, sent, condition, undefined, 1 + kills);
}

function conditionIn(body: string): string {
  return (JSON.parse(body) as Record).requestContext.condition;
}

/** What the outcome asks for was sent, each once (or as often as kills allow), and nothing else. */
function checkSent(
  { onSuccess, onFailure, deadLetters }: Configuration,
  sent: readonly Sent[],
  condition: string,
  invokeCount: number | undefined,
  timesMax: number,
): void {
  const isSuccess = condition === 'Success';
  const wanted = [isSuccess ? onSuccess : onFailure, isSuccess ? undefined : deadLetters].filter(
    (arn) => arn !== undefined,
  );
  const targets = sent.map(({ delivery }) => delivery.target);
  for (const target of wanted) {
    const times = targets.filter((one) => one === target).length;
    assert.ok(times >= 1 && times <= timesMax, `${times} times to ${target} after ${condition}`);
  }
  for (const target of targets) assert.ok(wanted.includes(target), `${target} after ${condition}`);
  for (const { delivery, body } of sent)
    if (delivery.attributes === undefined) {
      const { requestContext } = JSON.parse(body) as Record;
      assert.equal(requestContext.condition, condition);
      if (invokeCount !== undefined) assert.equal(requestContext.approximateInvokeCount, invokeCount);
    } else assert.equal(body, '{"n":1}');
}

describe('asynchronous invokes, simulated', { timeout: 280_000 }, () => {
  const own = process.env['LAMBDAD_TEST_SEED'];
  const seeds = own === undefined ? [...KEPT, ...Array.from({ length: SEEDS }, (_, seed) => seed)] : [Number(own)];

  it(`hold to retries, gaps, age and one outcome in ${seeds.length} stories`, async () => {
    const seen = new Set<string>();
    for (const seed of seeds) {
      try {
        const story = await simulate(seed);
        check(story);
        for (const { body, delivery } of story.sent) if (!delivery.attributes) seen.add(conditionIn(body));
      } catch (error) {
        throw new Error(`LAMBDAD_TEST_SEED=${seed} shows it: ${(error as Error).message}`, { cause: error });
      }
    }
    if (own === undefined)
      assert.deepEqual([...seen].sort(), [
        'EventAgeExceeded',
        'RetriesExhausted',
        'Success',
        'ZeroReservedConcurrency',
      ]);
  });
});
