/** Streams of a real server of Kinesis, read and delivered. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { linkTo } from '../../src/neighbours/link.ts';
import { kinesisSource } from '../../src/pollers/kinesis.ts';
import type { MappingSettings } from '../../src/sources/mapping-record.ts';
import type { SourceTrouble } from '../../src/sources/source-port.ts';
import { type KinesisLocal, startKinesisLocal } from '../support/kinesis-local.ts';
import { memoryMetadata } from '../support/memory-metadata.ts';
import { type Calls, callsOf } from './aws-double.ts';
import { type AtWork, type AtWorkOptions, atWork, ROLE } from './stream-at-work.ts';

const NAMESPACE = { account: '000000000000', region: 'us-east-1' };
/** Two keys of each half of the hash range. */
const KEYS = ['k0', 'k1', 'k2', 'k3'];

describe('a stream of Kinesis', { timeout: 240_000 }, () => {
  let server: KinesisLocal;
  let calls: Calls;
  const running: AtWork[] = [];

  before(async () => {
    server = await startKinesisLocal();
    calls = callsOf(server.url, 'kinesis', NAMESPACE.account);
  });

  after(async () => {
    await Promise.all(running.map((each) => each.stop()));
    await server?.stop();
  });

  async function stream(name: string, ShardCount = 1): Promise<string> {
    await calls('CreateStream', { StreamName: name, ShardCount });
    for (;;) {
      const { StreamDescriptionSummary: summary } = (await calls('DescribeStreamSummary', { StreamName: name })) as {
        StreamDescriptionSummary: { StreamStatus: string; StreamARN: string };
      };
      if (summary.StreamStatus === 'ACTIVE') return summary.StreamARN;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async function put(StreamName: string, texts: readonly string[], key?: string): Promise<void> {
    for (const [at, text] of texts.entries())
      await calls('PutRecord', {
        StreamName,
        PartitionKey: key ?? (KEYS[at % KEYS.length] as string),
        Data: Buffer.from(text).toString('base64'),
      });
  }

  function read(arn: string, settings: MappingSettings = {}, rest: Partial<AtWorkOptions> = {}): AtWork {
    const link = linkTo('kinesis', { endpoints: { kinesis: server.url } });
    assert.ok(link);
    const source = { kind: 'kinesis', arn } as const;
    const work = atWork({ namespace: NAMESPACE, adapter: kinesisSource(link), source, settings, ...rest });
    running.push(work);
    return work;
  }

  const texts = ({ events }: AtWork) =>
    events.flatMap(({ Records }) => Records.map(({ kinesis }) => Buffer.from(kinesis.data, 'base64').toString()));

  it('comes to the function in the form that AWS gives it, and only behind the checkpoint the next time', async () => {
    const arn = await stream('form');
    await put('form', ['ü{"n":1}'], 'schlüssel');
    const metadata = memoryMetadata();
    const uuid = '11111111-2222-4333-8444-555555555555';
    const first = read(arn, {}, { metadata, uuid });
    await first.until(() => first.events.length === 1);
    const { kinesis, ...record } = first.events[0]?.Records[0] ?? assert.fail('nothing was delivered');
    const { sequenceNumber, approximateArrivalTimestamp } = kinesis;
    assert.match(String(sequenceNumber), /^\d{56}$/);
    assert.equal(typeof approximateArrivalTimestamp, 'number');
    assert.equal(
      JSON.stringify({ kinesis, ...record }),
      JSON.stringify({
        kinesis: {
          kinesisSchemaVersion: '1.0',
          partitionKey: 'schlüssel',
          sequenceNumber,
          data: Buffer.from('ü{"n":1}').toString('base64'),
          approximateArrivalTimestamp,
        },
        eventSource: 'aws:kinesis',
        eventVersion: '1.0',
        eventID: `shardId-000000000000:${sequenceNumber}`,
        eventName: 'aws:kinesis:record',
        invokeIdentityArn: ROLE,
        awsRegion: 'us-east-1',
        eventSourceARN: arn,
      }),
    );
    assert.equal(await first.stop(), undefined);
    await put('form', ['two']);
    const second = read(arn, {}, { metadata, uuid });
    await second.until(() => second.events.length === 1);
    assert.deepEqual(texts(second), ['two']);
  });

  it('is read on through shards that split and merge, each key in order', async () => {
    const arn = await stream('resharded', 2);
    const numbers = (from: number) => Array.from({ length: 40 }, (_, at) => String(from + at));
    await put('resharded', numbers(0));
    await calls('SplitShard', {
      StreamName: 'resharded',
      ShardToSplit: 'shardId-000000000000',
      NewStartingHashKey: String(2n ** 126n),
    });
    await put('resharded', numbers(40));
    const work = read(arn, { ParallelizationFactor: 3, BatchSize: 7 });
    await work.until(() => texts(work).length >= 80);
    await calls('MergeShards', {
      StreamName: 'resharded',
      ShardToMerge: 'shardId-000000000002',
      AdjacentShardToMerge: 'shardId-000000000003',
    });
    await put('resharded', numbers(80));
    await work.until(() => texts(work).length >= 120);
    for (const [at] of KEYS.entries()) {
      const ofKey = texts(work)
        .map(Number)
        .filter((number) => number % KEYS.length === at);
      const inOrder = Array.from({ length: 30 }, (_, nth) => nth * KEYS.length + at);
      assert.deepEqual(ofKey, inOrder);
    }
    assert.ok(work.events.every(({ Records }) => Records.length <= 7));
  });

  it('begins with LATEST where the mapping begins, and with a time where it says', async () => {
    const arn = await stream('positions');
    await put('positions', ['old']);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const startingPositionMs = Date.now();
    const timed = read(arn, { StartingPosition: 'AT_TIMESTAMP', startingPositionMs });
    const latest = read(arn, { StartingPosition: 'LATEST' });
    // Nothing tells that the shard is open but what comes of it.
    const sending = setInterval(() => void put('positions', ['new']).catch(() => {}), 200);
    await Promise.all([timed, latest].map((work) => work.until(() => work.events.length > 0)));
    clearInterval(sending);
    assert.ok([...texts(timed), ...texts(latest)].every((text) => text === 'new'));
  });

  it('brings records of ten megabytes in one read, cut into events that a function takes', async () => {
    const arn = await stream('large');
    await put(
      'large',
      Array.from({ length: 8 }, () => 'x'.repeat(1_000_000)),
    );
    const work = read(arn);
    await work.until(() => texts(work).length === 8);
    assert.ok(work.events.length >= 2);
    for (const event of work.events) assert.ok(Buffer.byteLength(JSON.stringify(event)) <= 6_291_456);
  });

  it('is read by its consumers, too', async () => {
    const arn = await stream('consumed');
    await put('consumed', ['one']);
    const work = read(`${arn}/consumer/fan:1700000000`);
    await work.until(() => work.events.length === 1);
    assert.equal(work.events[0]?.Records[0].eventSourceARN, `${arn}/consumer/fan:1700000000`);
  });

  it('that is not there ends the run, and a service that is away is waited for', async () => {
    const arn = await stream('away');
    const missing = read(arn.replace('away', 'nowhere'));
    assert.equal(((await missing.ended) as SourceTrouble).kind, 'missing');
    const link = linkTo('kinesis', { endpoints: { kinesis: 'http://127.0.0.1:1' } });
    assert.ok(link);
    const waiting = read(arn, {}, { adapter: kinesisSource(link) });
    await waiting.until(() => waiting.reports.length > 0);
    assert.match(waiting.reports[0] ?? '', /^PROBLEM: lambdad asked AWS_ENDPOINT_URL_KINESIS/);
    assert.equal(await waiting.stop(), undefined);
  });
});
