/**
 * The child of stream-crash.test.ts: `stream-poller.ts DATABASE KINESIS-URL STREAM-ARN LEDGER-URL`. Delivers the stream
 * until it is killed. The function tells the ledger of every batch and ends as the ledger says; records of batches that
 * were given up go to the ledger, too.
 */
import { openSqliteMetadata } from '../../src/databases/sqlite/metadata.ts';
import { linkTo } from '../../src/neighbours/link.ts';
import { kinesisSource } from '../../src/pollers/kinesis.ts';
import { atWork, type StreamEvent, THROTTLED } from './stream-at-work.ts';

/** What the function is to do with a batch. `partial`: records from this place on have failed. */
export type StreamVerdict = { readonly end: 'done' | 'fail' | 'throttle' } | { readonly partial: number };

/** What the ledger is told. */
export type StreamEntry = { readonly delivered: readonly Told[] } | { readonly givenUp: readonly Told[] };
export interface Told {
  readonly key: string;
  readonly n: number;
  readonly shardId: string;
  readonly sequence: string;
}

export const NAMESPACE = { account: '000000000000', region: 'us-east-1' };
export const UUID = '11111111-2222-4333-8444-555555555555';
export const SETTINGS = {
  BatchSize: 20,
  ParallelizationFactor: 3,
  MaximumRetryAttempts: 1,
  BisectBatchOnFunctionError: true,
  FunctionResponseTypes: ['ReportBatchItemFailures'],
  DestinationConfig: { OnFailure: { Destination: 'arn:aws:s3:::given-up' } },
} as const;

function told({ Records }: StreamEvent): Told[] {
  return Records.map(({ kinesis, eventID }) => ({
    key: kinesis.partitionKey,
    n: Number(Buffer.from(kinesis.data, 'base64').toString()),
    shardId: eventID.split(':')[0],
    sequence: kinesis.sequenceNumber,
  }));
}

async function main(path: string, url: string, arn: string, ledger: string): Promise<void> {
  const tell = async (entry: StreamEntry): Promise<StreamVerdict> => {
    const answer = await fetch(ledger, { method: 'POST', body: JSON.stringify(entry) });
    return (await answer.json()) as StreamVerdict;
  };
  const link = linkTo('kinesis', { endpoints: { kinesis: url } });
  if (link === undefined) throw new Error('no address');
  const work = atWork({
    namespace: NAMESPACE,
    adapter: kinesisSource(link),
    source: { kind: 'kinesis', arn },
    settings: { ...SETTINGS, FunctionResponseTypes: [...SETTINGS.FunctionResponseTypes] },
    uuid: UUID,
    metadata: await openSqliteMetadata({ path }),
    destinations: {
      isConfigured: () => true,
      async send(_namespace, _delivery, body) {
        const { payload } = JSON.parse(Buffer.from(body).toString());
        const verdict = await tell({ givenUp: told(JSON.parse(payload)) });
        if ('end' in verdict && verdict.end === 'fail') throw new Error('not now');
      },
    },
    async answer(event) {
      const verdict = await tell({ delivered: told(event) });
      if ('partial' in verdict) {
        const itemIdentifier = event.Records[verdict.partial]?.kinesis.sequenceNumber;
        return { batchItemFailures: [{ itemIdentifier }] };
      }
      if (verdict.end === 'throttle') return THROTTLED;
      if (verdict.end === 'fail') throw new Error('as told');
      return null;
    },
  });
  const error = await work.ended;
  throw error ?? new Error('the run ended');
}

if (process.argv[1] === import.meta.filename) {
  const [path = '', url = '', arn = '', ledger = ''] = process.argv.slice(2);
  await main(path, url, arn, ledger);
}
