/**
 * The test clock: `POST /_lambdad/clock?advanceSeconds=N` makes every asynchronous event and every record that waits N
 * seconds older, and does what is due then; it answers when that is under way. What runs when it is called is waited for,
 * 10 seconds at most. Nothing else looks at it: functions, time-outs, logs and credentials stay in
 * real time, and so do events that are accepted afterwards.
 */
import type { AsyncInvokes } from '../invoke/async-invokes.ts';
import { ApiError } from '../model/api-error.ts';
import type { WireAnswer } from '../protocol/serialise.ts';

export type TestClock = Pick<AsyncInvokes, 'advance'>;

/** A day is more than any event may wait. */
const ADVANCE_SECONDS_MAX = 86_400;

/** Throws ValidationException and UnknownOperationException. */
export async function advanceTestClock(
  clock: TestClock,
  method: string | undefined,
  query: string,
): Promise<WireAnswer> {
  if (method !== 'POST') throw new ApiError('UnknownOperationException', 'The test clock takes POST alone.');
  const text = new URLSearchParams(query).get('advanceSeconds') ?? '';
  const advanceSeconds = Number(text);
  if (!/^\d+$/.test(text) || advanceSeconds > ADVANCE_SECONDS_MAX)
    throw new ApiError('ValidationException', `advanceSeconds is to be a whole number up to ${ADVANCE_SECONDS_MAX}.`);
  await clock.advance(advanceSeconds * 1000);
  const headers = ['Content-Type', 'application/json', 'Cache-Control', 'no-store'];
  return { status: 200, headers, body: Buffer.from(JSON.stringify({ advanceSeconds })) };
}
