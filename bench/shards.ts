/**
 * Records of Kinesis from four shards to a handler: our delivery, with its checkpoints on disk, against a bare consumer on
 * the same client that reads as many at a time and calls the same handler. Both handlers are in this process.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetRecordsCommand, GetShardIteratorCommand, KinesisClient, ListShardsCommand } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { openSqliteMetadata } from '../src/databases/sqlite/metadata.ts';
import { linkTo } from '../src/neighbours/link.ts';
import { kinesisSource } from '../src/pollers/kinesis.ts';
import type { MetadataStore } from '../src/store/metadata.ts';
import { callsOf } from '../test/sources/aws-double.ts';
import { atWork } from '../test/sources/stream-at-work.ts';
import { startKinesisLocal } from '../test/support/kinesis-local.ts';
import { type Row, row } from './statistics.ts';

const BLOCKS = 3;
const SHARDS = 4;
const RECORDS = 8_000;
const BATCH_SIZE = 100;
const RECORD_BYTES = 512;
const PUT_RECORDS_MAX = 500;
const NAMESPACE = { account: '000000000000', region: 'us-east-1' };

export async function benchShards(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'lambdad-bench-shards-'));
  const kinesis = await startKinesisLocal();
  const metadata = await openSqliteMetadata({ path: join(folder, 'metadata.sqlite') });
  try {
    const arn = await filled(kinesis.url);
    const blocks: { ours: number; bare: number }[] = [];
    // The first is for warming up.
    for (let block = 0; block <= BLOCKS; block++) {
      const pair = { ours: await ours(kinesis.url, arn, metadata), bare: await bare(kinesis.url, arn) };
      if (block > 0) blocks.push(pair);
    }
    return [row(`Kinesis, ${SHARDS} shards, batches of ${BATCH_SIZE}`, 'records/s', '≥ 0.7', blocks)];
  } finally {
    await metadata.close();
    await kinesis.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function filled(url: string): Promise<string> {
  const calls = callsOf(url, 'kinesis', NAMESPACE.account);
  const StreamName = 'bench';
  await calls('CreateStream', { StreamName, ShardCount: SHARDS });
  for (;;) {
    const { StreamDescriptionSummary: summary } = (await calls('DescribeStreamSummary', { StreamName })) as {
      StreamDescriptionSummary: { StreamStatus: string; StreamARN: string };
    };
    if (summary.StreamStatus !== 'ACTIVE') {
      await new Promise((resolve) => setTimeout(resolve, 50));
      continue;
    }
    const Data = Buffer.alloc(RECORD_BYTES, 'x').toString('base64');
    for (let n = 0; n < RECORDS; n += PUT_RECORDS_MAX) {
      const Records = Array.from({ length: PUT_RECORDS_MAX }, (_, at) => ({ PartitionKey: `key-${n + at}`, Data }));
      await calls('PutRecords', { StreamName, Records });
    }
    return summary.StreamARN;
  }
}

/** Records a second, from the start until the last one was handled. */
async function timed(work: (handle: (records: number) => void) => Promise<unknown>): Promise<number> {
  let left = RECORDS;
  const { promise, resolve } = Promise.withResolvers<void>();
  const startedMs = performance.now();
  const ending = work((records) => {
    left -= records;
    if (left <= 0) resolve();
  });
  await promise;
  const perSecond = (RECORDS * 1000) / (performance.now() - startedMs);
  await ending;
  return perSecond;
}

function ours(url: string, arn: string, metadata: MetadataStore): Promise<number> {
  const link = linkTo('kinesis', { endpoints: { kinesis: url } });
  if (link === undefined) throw new Error('no address');
  return timed(async (handle) => {
    let handled = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    const work = atWork({
      namespace: NAMESPACE,
      adapter: kinesisSource(link),
      source: { kind: 'kinesis', arn },
      settings: { BatchSize: BATCH_SIZE },
      metadata,
      answer({ Records }) {
        handle(Records.length);
        handled += Records.length;
        if (handled >= RECORDS) resolve();
        return null;
      },
    });
    await promise;
    await work.stop();
  });
}

function bare(url: string, StreamARN: string): Promise<number> {
  const credentials = { accessKeyId: NAMESPACE.account, secretAccessKey: 'bench' };
  const requestHandler = new NodeHttpHandler({ httpAgent: { keepAlive: true, maxSockets: SHARDS } });
  const client = new KinesisClient({ endpoint: url, region: NAMESPACE.region, credentials, requestHandler });
  return timed(async (handle) => {
    const { Shards = [] } = await client.send(new ListShardsCommand({ StreamARN }));
    await Promise.all(
      Shards.map(async ({ ShardId }) => {
        const begin = { StreamARN, ShardId, ShardIteratorType: 'TRIM_HORIZON' } as const;
        let { ShardIterator } = await client.send(new GetShardIteratorCommand(begin));
        // The service may say that nothing is behind while a last record is there.
        for (let isMore = true; isMore; ) {
          const answer = await client.send(new GetRecordsCommand({ StreamARN, ShardIterator, Limit: BATCH_SIZE }));
          ShardIterator = answer.NextShardIterator;
          isMore = (answer.Records?.length ?? 0) > 0 || (answer.MillisBehindLatest ?? 0) > 0;
          const records = (answer.Records ?? []).map((record) => ({
            ...record,
            Data: Buffer.from(record.Data ?? []).toString('base64'),
          }));
          handle((JSON.parse(JSON.stringify({ Records: records })) as { Records: unknown[] }).Records.length);
        }
      }),
    );
    client.destroy();
  });
}
