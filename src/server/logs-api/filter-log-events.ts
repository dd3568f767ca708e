import { type FilterMatch, FilterPatternError, parseFilterPattern } from '../../logs/filter-pattern.ts';
import type { FoundEvent, LogGroupKey, LogQuery } from '../../logs/log-store.ts';
import type { FilterLogEventsRequest } from '../../model/logs-types.gen.ts';
import { ANSWER_BYTES_MAX, EVENTS_MAX } from './log-events.ts';
import { groupKey, streamsOf } from './log-group-key.ts';
import { fromToken, invalidToken, toToken } from './log-page.ts';
import { invalidParameter, noSuch } from './logs-error.ts';
import type { LogsContext, LogsOperation } from './logs-operation.ts';

/** How much is looked at before the answer is what there is, with a token to go on with. */
const SCANNED_EVENTS_MAX = 50_000;
const SCAN_MS_MAX = 2000;
/** Others get their turn so often. */
const TURN_MS = 20;
const PAGE_EVENTS_MAX = 5_000;
const PAGE_EVENTS_FIRST = 100;
/** From when on AWS reads from the end. */
const BACKWARDS_FROM_MS = Date.UTC(2024, 0, 1);

/** Deliberate difference from AWS: `unmask` has no effect, because nothing is masked. */
export const filterLogEvents: LogsOperation<'FilterLogEvents'> = async (context, input) => {
  const { logStreamNames: streams, logStreamNamePrefix: prefix, limit = EVENTS_MAX, nextToken: token } = input;
  const key = groupKey(context, input);
  if (streams && prefix !== undefined) {
    throw invalidParameter('You cannot specify both logStreamNames and logStreamNamePrefix.');
  }
  const backwards = input.startFromHead === false;
  if (backwards && (input.startTime ?? 0) < BACKWARDS_FROM_MS) {
    throw invalidParameter('startFromHead can be false only with a startTime on or after 2024-01-01T00:00:00Z.');
  }
  const matches = refusing(() => parseFilterPattern(input.filterPattern ?? ''));
  const from = token === undefined ? undefined : fromToken(token);
  if (from !== undefined && !/^\d{56}$/.test(from)) throw invalidToken();
  const known = await streamsOf(context, key);
  if (streams?.some((name) => !known.some(({ stream }) => stream === name))) throw noSuch('stream');

  const { found, lastId } = await scan(context, scopeOf(key, input), { matches, limit, from, backwards });
  const events = found.map(({ stream, timestamp, message, ingestionTime, eventId }) => {
    return { logStreamName: stream, timestamp, message, ingestionTime, eventId };
  });
  return { events, searchedLogStreams: [], nextToken: lastId && toToken(lastId) };
};

function scopeOf(key: LogGroupKey, input: FilterLogEventsRequest): Omit<LogQuery, 'limit'> {
  const { logStreamNames: streams, logStreamNamePrefix: streamPrefix, startTime, endTime } = input;
  return {
    ...key,
    ...(startTime !== undefined && { startTime }),
    ...(endTime !== undefined && { endTime }),
    ...(streams && { streams }),
    ...(streamPrefix !== undefined && { streamPrefix }),
  };
}

interface Scan {
  readonly matches: FilterMatch;
  readonly limit: number;
  /** Where an earlier answer ended. */
  readonly from: string | undefined;
  readonly backwards: boolean;
}

interface Scanned {
  readonly found: readonly FoundEvent[];
  /** The last event that was looked at, where there may be more behind it. */
  readonly lastId?: string;
}

/** Matching events in order, the newest first when reading backwards. */
async function scan(
  { store, clock }: LogsContext,
  scope: Omit<LogQuery, 'limit'>,
  { matches, limit, from, backwards }: Scan,
): Promise<Scanned> {
  const found: FoundEvent[] = [];
  let lastId = from;
  let bytes = 0;
  const soFar = (): Scanned => ({ found, ...(lastId && { lastId }) });
  // Without a pattern one page of the size that was asked for is enough; with a selective one pages grow.
  let pageLimit = Math.max(limit + 1, PAGE_EVENTS_FIRST);
  const endAt = clock.monotonic() + SCAN_MS_MAX;
  let turnAt = clock.monotonic() + TURN_MS;
  for (let scanned = 0; scanned < SCANNED_EVENTS_MAX && clock.monotonic() < endAt; pageLimit *= 4) {
    const past = lastId === undefined ? {} : backwards ? { beforeEventId: lastId } : { afterEventId: lastId };
    const page = await store.read({ ...scope, ...past, backwards, limit: Math.min(pageLimit, PAGE_EVENTS_MAX) });
    if (!page || page.length === 0) return { found };
    for (const event of backwards ? page.toReversed() : page) {
      if (clock.monotonic() > endAt) return soFar();
      if (clock.monotonic() > turnAt) {
        await new Promise((resolve) => setImmediate(resolve));
        turnAt = clock.monotonic() + TURN_MS;
      }
      if (refusing(() => matches(event.message))) {
        const eventBytes = Buffer.byteLength(event.message);
        if (found.length === limit || (found.length > 0 && bytes + eventBytes > ANSWER_BYTES_MAX)) return soFar();
        found.push(event);
        bytes += eventBytes;
      }
      lastId = event.eventId;
    }
    scanned += page.length;
  }
  return soFar();
}

/** What a pattern is refused for is the caller's fault. */
function refusing<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof FilterPatternError) throw invalidParameter(error.message);
    throw error;
  }
}
