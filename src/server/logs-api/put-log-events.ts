import { expiredBefore } from '../../logs/log-retention.ts';
import type { InputLogEvent, RejectedLogEventsInfo } from '../../model/logs-types.gen.ts';
import { invalidParameter, noSuch } from './logs-error.ts';
import type { LogsOperation } from './logs-operation.ts';
import { sequenceToken } from './sequence-token.ts';

/** What CloudWatch Logs counts for an event beside its message. */
const EVENT_OVERHEAD_BYTES = 26;
const EVENT_BYTES_MAX = 1_048_576;
const BATCH_BYTES_MAX = 1_048_576;
const HOUR_MS = 3_600_000;
const BATCH_SPAN_MS_MAX = 24 * HOUR_MS;
const FUTURE_MS_MAX = 2 * HOUR_MS;
const PAST_MS_MAX = 14 * 24 * HOUR_MS;

/**
 * Events that are too new, too old or past the group's retention are left out, and the answer says which. A sequenceToken
 * is not looked at. Deliberate difference from AWS: an entity is not kept, and the answer says so.
 */
export const putLogEvents: LogsOperation<'PutLogEvents'> = async ({ store, clock, account, region }, input) => {
  const { logGroupName: group, logStreamName: stream, logEvents } = input;
  refuseSize(logEvents);
  refuseOrder(logEvents);
  const key = { account, region, group, stream };
  const view = await store.group(key);
  if (!view) throw noSuch('group');
  const now = clock.now();
  const { rejected, accepted } = sift(logEvents, now, expiredBefore(view, now));
  const result = await store.put(key, accepted);
  if (result !== 'kept') throw noSuch(result === 'no group' ? 'group' : 'stream');
  return {
    nextSequenceToken: sequenceToken(now),
    ...(rejected && { rejectedLogEventsInfo: rejected }),
    ...(input.entity && { rejectedEntityInfo: { errorType: 'UnsupportedLogGroupType' as const } }),
  };
};

function refuseSize(events: readonly InputLogEvent[]): void {
  let batchBytes = 0;
  for (const { message } of events) {
    const bytes = Buffer.byteLength(message) + EVENT_OVERHEAD_BYTES;
    if (bytes > EVENT_BYTES_MAX)
      throw invalidParameter(`Log event too large: ${bytes} bytes exceeds limit of ${EVENT_BYTES_MAX}`);
    batchBytes += bytes;
  }
  if (batchBytes > BATCH_BYTES_MAX)
    throw invalidParameter(`Upload too large: ${batchBytes} bytes exceeds limit of ${BATCH_BYTES_MAX}`);
}

function refuseOrder(events: readonly InputLogEvent[]): void {
  const first = events[0]?.timestamp ?? 0;
  let last = first;
  for (const { timestamp } of events) {
    if (timestamp < last)
      throw invalidParameter('Log events in a single PutLogEvents request must be in chronological order.');
    last = timestamp;
  }
  if (last - first > BATCH_SPAN_MS_MAX)
    throw invalidParameter('The batch of log events in a single PutLogEvents request cannot span more than 24 hours.');
}

/** The events are in order: those that are too old come first, those that are too new last. */
function sift(
  events: readonly InputLogEvent[],
  nowMs: number,
  expiredBeforeMs: number,
): { readonly rejected: RejectedLogEventsInfo | undefined; readonly accepted: readonly InputLogEvent[] } {
  const before = (limitMs: number) => events.filter(({ timestamp }) => timestamp < limitMs).length;
  const tooOld = before(nowMs - PAST_MS_MAX);
  const expired = before(expiredBeforeMs);
  const tooNewAt = before(nowMs + FUTURE_MS_MAX + 1);
  const isTooNew = tooNewAt < events.length;
  const accepted = events.slice(Math.max(tooOld, expired), tooNewAt);
  if (accepted.length === events.length) return { rejected: undefined, accepted };
  const rejected = {
    ...(isTooNew && { tooNewLogEventStartIndex: tooNewAt }),
    ...(tooOld > 0 && { tooOldLogEventEndIndex: tooOld }),
    ...(expired > 0 && { expiredLogEventEndIndex: expired }),
  };
  return { rejected, accepted };
}
