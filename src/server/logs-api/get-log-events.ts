import { eventIdOf } from '../../logs/log-store.ts';
import { ANSWER_BYTES_MAX, EVENTS_MAX } from './log-events.ts';
import { groupKey, streamsOf } from './log-group-key.ts';
import { invalidToken } from './log-page.ts';
import { noSuch } from './logs-error.ts';
import type { LogsOperation } from './logs-operation.ts';

/** Tokens are `f/<event id>/s` and `b/<event id>/s`: the events after, and before, the one of that id. */
const EVENTS_TOKEN = /^([fb])\/(\d{56})\/s$/;

export const getLogEvents: LogsOperation<'GetLogEvents'> = async (context, input) => {
  const { logStreamName: stream, limit = EVENTS_MAX, nextToken, startTime, endTime } = input;
  const key = groupKey(context, input);
  const [, direction, tokenId = ''] = EVENTS_TOKEN.exec(nextToken ?? '') ?? [];
  if (nextToken !== undefined && !direction) throw invalidToken();
  if (!(await streamsOf(context, key)).some((view) => view.stream === stream)) throw noSuch('stream');

  const range = { ...(startTime !== undefined && { startTime }), ...(endTime !== undefined && { endTime }) };
  const isBackwards = direction === 'b' || (!direction && input.startFromHead !== true);
  const from = direction === 'f' ? { afterEventId: tokenId } : direction === 'b' ? { beforeEventId: tokenId } : {};
  const query = { ...key, ...range, ...from, streams: [stream], limit, backwards: isBackwards };
  const found = (await context.store.read({ ...query, bytesMax: ANSWER_BYTES_MAX })) ?? [];
  // With nothing found one goes on where one stood: at the token, or at the beginning.
  const emptyAt = tokenId || eventIdOf(startTime ?? 0, 0);
  return {
    events: found.map(({ timestamp, message, ingestionTime }) => ({ timestamp, message, ingestionTime })),
    nextForwardToken: `f/${found.at(-1)?.eventId ?? emptyAt}/s`,
    nextBackwardToken: `b/${found.at(0)?.eventId ?? emptyAt}/s`,
  };
};
