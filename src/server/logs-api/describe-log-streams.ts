import type { LogGroupKey, LogStreamView } from '../../logs/log-store.ts';
import type { LogStream } from '../../model/logs-types.gen.ts';
import { groupArn } from '../logs-access.ts';
import { groupKey, streamsOf } from './log-group-key.ts';
import { pageOf } from './log-page.ts';
import { invalidParameter } from './logs-error.ts';
import type { LogsOperation } from './logs-operation.ts';
import { sequenceToken } from './sequence-token.ts';

export const describeLogStreams: LogsOperation<'DescribeLogStreams'> = async (context, input) => {
  const { logStreamNamePrefix: prefix, orderBy = 'LogStreamName', limit, nextToken: token, descending } = input;
  const key = groupKey(context, input);
  const byTime = orderBy === 'LastEventTime';
  if (prefix !== undefined && byTime) {
    throw invalidParameter('Cannot order by LastEventTime with a logStreamNamePrefix.');
  }
  const views = (await streamsOf(context, key)).filter(({ stream }) => stream.startsWith(prefix ?? ''));
  const keyed = views.map((view) => {
    const time = String(view.lastEventAt ?? 0).padStart(20, '0');
    return { ...view, sortKey: byTime ? `${time} ${view.stream}` : view.stream };
  });
  const { page, nextToken } = pageOf(keyed, { limit, token, descending });
  return { logStreams: page.map((view) => viewOf(key, view)), nextToken };
};

function viewOf(key: LogGroupKey, view: LogStreamView): LogStream {
  return {
    logStreamName: view.stream,
    creationTime: view.createdAt,
    firstEventTimestamp: view.firstEventAt,
    lastEventTimestamp: view.lastEventAt,
    lastIngestionTime: view.lastIngestionAt,
    uploadSequenceToken: sequenceToken(view.lastIngestionAt ?? view.createdAt),
    arn: `${groupArn(key)}:log-stream:${view.stream}`,
    // AWS reports zero for streams since 2019.
    storedBytes: 0,
  };
}
