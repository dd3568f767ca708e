import { type Link, linkTo } from '../neighbours/link.ts';
import type { NeighbourName } from '../neighbours/neighbours.ts';
import { type NeighbourOptions, openSessions } from '../neighbours/open-neighbours.ts';
import type { SourceKind } from '../sources/source-kind.ts';
import type { SourceAdapter, SourceAdapters } from '../sources/source-port.ts';
import { dynamoStreamsSource } from './dynamodb-streams.ts';
import { kinesisSource } from './kinesis.ts';
import { sqsSource } from './sqs.ts';

const polled: readonly (readonly [SourceKind, NeighbourName, (link: Link) => SourceAdapter])[] = [
  ['sqs', 'sqs', sqsSource],
  ['kinesis', 'kinesis', kinesisSource],
  ['dynamodb', 'dynamodb-streams', dynamoStreamsSource],
];

/** The sources whose service has an address. Nothing is asked or loaded before a mapping is read. */
export function openPollers(options: NeighbourOptions): SourceAdapters {
  const sessions = openSessions(options);
  const opened = polled.flatMap(([kind, neighbour, adapter]) => {
    const link = linkTo(neighbour, { ...options, sessions });
    return link === undefined ? [] : [[kind, adapter(link)] as const];
  });
  return Object.freeze(Object.fromEntries(opened));
}
