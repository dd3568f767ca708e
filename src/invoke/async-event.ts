/** An accepted event, and what becomes of it after each attempt. Source: lambda-facts 7.3. */

/** What the queue keeps of an event beside its bytes and its time. */
export interface AsyncEvent {
  /** One for all attempts. */
  readonly requestId: string;
  /** Of the function that it was accepted for: another one under the same name does not get it. */
  readonly functionId?: string;
  /** As the caller wrote it; absent: none. */
  readonly qualifier?: string;
  readonly tenantId?: string;
  readonly traceHeader: string;
  /** Attempts in which the function ran and failed. */
  readonly failures: number;
  /** Attempts since then that came to nothing: throttled, or failed by the system. */
  readonly setbacks: number;
  /** What the last attempt said. */
  readonly last?: AttemptAnswer;
}

/** An attempt's answer, as records and dead letters tell it; the payload goes with it only while it is in hand. */
export interface AttemptAnswer {
  /** In the style of HTTP: 200 when the function ran, well or not; 429 when it was throttled. */
  readonly statusCode: number;
  readonly executedVersion?: string;
  readonly functionError?: 'Unhandled';
  /** The error's message, as cutMessage leaves it. */
  readonly errorMessage?: string;
}

export interface AsyncLimits {
  readonly retriesMax: number;
  readonly eventAgeMaxMs: number;
}

export type AttemptResult =
  | { readonly type: 'succeeded'; readonly answer: AttemptAnswer }
  | { readonly type: 'failed'; readonly answer: AttemptAnswer }
  /** Throttled, or an error of the system: no fault of the function, and no attempt that counts. */
  | { readonly type: 'set-back'; readonly answer: AttemptAnswer }
  /** The event has come through the function too often: no other attempt would be better. */
  | { readonly type: 'looped'; readonly answer: AttemptAnswer };

export type Condition =
  | 'Success'
  | 'RetriesExhausted'
  | 'EventAgeExceeded'
  | 'ZeroReservedConcurrency'
  | 'RecursiveInvocation';

/** How an event came to its end. */
export interface Ending {
  readonly condition: Condition;
  /** Times that the function was run. */
  readonly invokeCount: number;
  /** Absent when there was no attempt that anything is known of. */
  readonly answer?: AttemptAnswer;
}

export type NextStep =
  | { readonly type: 'later'; readonly dueMs: number; readonly event: AsyncEvent }
  | { readonly type: 'ended'; readonly ending: Ending };

export const DEFAULT_RETRIES_MAX = 2;
export const DEFAULT_EVENT_AGE_MAX_MS = 21_600_000;

/** Of an error's message, the first kilobyte is told. */
const ERROR_MESSAGE_BYTES_MAX = 1024;
/** The first retry comes after one of these, the second after two more. */
const RETRY_STEP_MS = 60_000;
const BACKOFF_MS_MIN = 1000;
const BACKOFF_MS_MAX = 300_000;

/** The first kilobyte of a message, without half a character at its end. */
export function cutMessage(message: string): string {
  const bytes = Buffer.from(message.slice(0, ERROR_MESSAGE_BYTES_MAX)).subarray(0, ERROR_MESSAGE_BYTES_MAX);
  return new TextDecoder().decode(bytes, { stream: true });
}

/** 1 s, 2 s, 4 s … 5 min: how long after the n-th setback in a row, counted from 1. */
export function backoffMs(setbacks: number): number {
  return Math.min(BACKOFF_MS_MIN * 2 ** Math.min(setbacks - 1, 20), BACKOFF_MS_MAX);
}

/** The ending of an event that may not be tried at all now; undefined when it may. */
export function endingWithoutAttempt(
  event: AsyncEvent,
  ageMs: number,
  limits: AsyncLimits,
  reservedConcurrency: number | undefined,
): Ending | undefined {
  const { failures: invokeCount, last } = event;
  if (reservedConcurrency === 0) return { condition: 'ZeroReservedConcurrency', invokeCount };
  if (ageMs <= limits.eventAgeMaxMs) return undefined;
  return { condition: 'EventAgeExceeded', invokeCount, ...(last === undefined ? {} : { answer: last }) };
}

/**
 * After an attempt that ended at `nowMs`. An event whose next attempt would come when it is too old ends at once: nobody
 * waits for what is known.
 */
export function nextStep(
  event: AsyncEvent,
  bornMs: number,
  nowMs: number,
  limits: AsyncLimits,
  { type, answer }: AttemptResult,
): NextStep {
  if (type === 'succeeded') return ended('Success', event.failures + 1, answer);
  if (type === 'looped') return ended('RecursiveInvocation', event.failures, answer);
  const failures = type === 'failed' ? event.failures + 1 : event.failures;
  const setbacks = type === 'failed' ? 0 : event.setbacks + 1;
  if (failures > limits.retriesMax && type === 'failed') return ended('RetriesExhausted', failures, answer);
  const dueMs = nowMs + (type === 'failed' ? RETRY_STEP_MS * failures : backoffMs(setbacks));
  if (dueMs - bornMs > limits.eventAgeMaxMs) return ended('EventAgeExceeded', failures, answer);
  return { type: 'later', dueMs, event: { ...event, failures, setbacks, last: answer } };
}

function ended(condition: Condition, invokeCount: number, answer: AttemptAnswer): NextStep {
  return { type: 'ended', ending: { condition, invokeCount, answer } };
}
