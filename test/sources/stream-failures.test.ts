/** What becomes of batches of a stream that fail: retries, halves, partial answers, age, destinations. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DeliveryRefused } from '../../src/invoke/async-destinations.ts';
import { type Answer, type SeenEvent, STREAM_ARN, StreamWorld, UUID } from './stream-world.ts';

const SHARD = 'shardId-000000000000';
const QUEUE = { OnFailure: { Destination: 'arn:aws:sqs:us-east-1:000000000000:failed' } };
const BUCKET = { OnFailure: { Destination: 'arn:aws:s3:::failed' } };

function world(count = 0): StreamWorld {
  const made = new StreamWorld();
  made.shard(SHARD);
  made.put(SHARD, count);
  return made;
}

const failsWith =
  (...bad: string[]) =>
  ({ Records }: SeenEvent): Answer =>
    Records.some(({ id }) => bad.includes(id)) ? 'fail' : { json: null };
const after = (id: string) => ({ position: { type: 'AFTER', id } });

describe('a failed batch of a stream', () => {
  it('is tried until it succeeds, less and less often, while its shard waits', async () => {
    const it = world(2);
    it.answer = (_event, invoke) => (invoke <= 5 ? 'fail' : { json: null });
    it.start();
    await it.settle();
    it.put(SHARD, 1);
    const counts: number[] = [];
    for (let second = 0; second < 10; second++) {
      await it.pass(1000, 100);
      counts.push(it.events.length);
    }
    assert.deepEqual(counts, [3, 4, 5, 5, 5, 5, 7, 7, 7, 7]);
    assert.deepEqual(it.batches().slice(5), [['1', '2'], ['3']]);
    assert.equal(it.reports[0], 'PROBLEM: Function call failed');
    assert.equal(it.reports.at(-1), 'OK');
    assert.equal(it.counters.get('FailedInvokeEventCount'), 10);
    await it.stop();
  });

  it('is dropped when its retries are used up, and the shard goes on', async () => {
    const it = world(2);
    it.answer = failsWith('1');
    it.start({ MaximumRetryAttempts: 2 });
    await it.settle();
    it.put(SHARD, 1);
    await it.pass(5000);
    assert.deepEqual(it.batches(), [['1', '2'], ['1', '2'], ['1', '2'], ['3']]);
    assert.deepEqual(await it.checkpoint(SHARD), after('3'));
    assert.equal(it.counters.get('DroppedEventCount'), 2);
    await it.stop();
  });

  it('is not charged for throttles', async () => {
    const it = world(1);
    it.answer = (_event, invoke) => (invoke <= 6 ? 'throttle' : invoke === 7 ? 'fail' : { json: null });
    it.start({ MaximumRetryAttempts: 1 });
    await it.pass(60_000, 500);
    assert.equal(it.events.length, 8);
    assert.equal(it.counters.get('DroppedEventCount'), undefined);
    assert.deepEqual(await it.checkpoint(SHARD), after('1'));
    await it.stop();
  });

  it('is halved down to the record that fails, which alone uses up the retries', async () => {
    const it = world(8);
    it.answer = failsWith('3');
    it.start({ BisectBatchOnFunctionError: true, MaximumRetryAttempts: 1, DestinationConfig: QUEUE });
    await it.pass(5000);
    assert.deepEqual(
      it.batches().map((batch) => batch.join()),
      ['1,2,3,4,5,6,7,8', '1,2,3,4', '1,2', '3,4', '3', '3', '4', '5,6,7,8'],
    );
    assert.deepEqual(
      it.sent.map(({ body }) => (body['KinesisBatchInfo'] as { batchSize: number }).batchSize),
      [1],
    );
    assert.deepEqual(await it.checkpoint(SHARD), after('8'));
    await it.stop();
  });

  it('gives up what is older than its age, whether it was tried or not', async () => {
    const it = world(2);
    it.clock.advance(50_000);
    it.put(SHARD, 1);
    it.answer = () => 'fail';
    it.start({ MaximumRecordAgeInSeconds: 60, DestinationConfig: QUEUE });
    await it.pass(30_000, 500);
    const [first = assert.fail('nothing was sent')] = it.sent;
    assert.equal((first.body['requestContext'] as { condition: string }).condition, 'RecordAgeExceeded');
    assert.equal((first.body['KinesisBatchInfo'] as { batchSize: number }).batchSize, 2);
    assert.deepEqual(await it.checkpoint(SHARD), after('2'));
    assert.deepEqual(it.batches().at(-1), ['3']);
    await it.stop();
  });

  it('gives up throttled records that the stream itself no longer has', async () => {
    const it = world(1);
    it.retentionMs = 20_000;
    it.answer = () => 'throttle';
    it.start();
    await it.pass(60_000, 1000);
    assert.deepEqual(await it.checkpoint(SHARD), after('1'));
    assert.equal(it.counters.get('DroppedEventCount'), 1);
    await it.stop();
  });
});

describe('a partial answer for a batch of a stream', () => {
  const REPORTS = { FunctionResponseTypes: ['ReportBatchItemFailures'] } as const;
  const settings = { ...REPORTS, MaximumRetryAttempts: 0 } as unknown as Parameters<StreamWorld['start']>[0];
  const failing = (...ids: unknown[]) => ({
    json: { batchItemFailures: ids.map((itemIdentifier) => ({ itemIdentifier })) },
  });

  it('moves the checkpoint to the lowest failed record, and tries again from there', async () => {
    const it = world(6);
    it.answer = (_event, invoke) => (invoke === 1 ? failing('5', '3') : { json: null });
    it.start({ ...settings, MaximumRetryAttempts: 1 });
    await it.settle();
    assert.deepEqual(await it.checkpoint(SHARD), after('2'));
    await it.pass(1000);
    assert.deepEqual(it.batches(), [
      ['1', '2', '3', '4', '5', '6'],
      ['3', '4', '5', '6'],
    ]);
    assert.equal(it.counters.get('FailedInvokeEventCount'), 4);
    await it.stop();
  });

  it('splits the batch there when batches are split', async () => {
    const it = world(6);
    it.answer = ({ Records }) => (Records.some(({ id }) => id === '3') ? failing('3') : { json: null });
    it.start({ ...settings, BisectBatchOnFunctionError: true });
    await it.pass(1000);
    assert.deepEqual(
      it.batches().map((batch) => batch.join()),
      ['1,2,3,4,5,6', '3,4,5,6', '3,4', '3', '4', '5,6'],
    );
    await it.stop();
  });

  it('tells the destination of no error when only records were reported', async () => {
    const it = world(2);
    it.answer = () => failing('1');
    it.start({ ...settings, DestinationConfig: QUEUE });
    await it.pass(1000);
    assert.deepEqual(it.sent[0]?.body['responseContext'], {
      statusCode: 200,
      executedVersion: '$LATEST',
      functionError: null,
    });
    await it.stop();
  });

  const successes: Answer[] = [
    { text: '' },
    { json: null },
    { text: '""' },
    { json: {} },
    { json: { batchItemFailures: [] } },
    { json: { batchItemFailures: null } },
  ];
  const malformed: Answer[] = [
    failing(''),
    failing(null),
    failing('2', ''),
    failing('99'),
    failing(2),
    { json: { batchItemFailures: [{ itemId: '2' }] } },
    { json: { batchItemFailures: ['2'] } },
    { json: { batchItemFailures: [null] } },
    { json: { batchItemFailures: { itemIdentifier: '2' } } },
    { json: { failures: [] } },
    { json: [] },
    { json: 'ok' },
    { text: '{"batchItemFailures":' },
  ];

  it('counts as a success of all in all its empty forms', async () => {
    for (const answer of successes) {
      const it = world(2);
      it.answer = () => answer;
      it.start(settings);
      await it.pass(1000);
      assert.equal(it.counters.get('FailedInvokeEventCount'), undefined, JSON.stringify(answer));
      assert.deepEqual(it.batches(), [['1', '2']]);
      await it.stop();
    }
  });

  it('counts as a failure of all in all its malformed forms', async () => {
    for (const answer of malformed) {
      const it = world(2);
      it.answer = () => answer;
      it.start(settings);
      await it.pass(1000);
      assert.equal(it.counters.get('FailedInvokeEventCount'), 2, JSON.stringify(answer));
      assert.equal(it.counters.get('DroppedEventCount'), 2);
      await it.stop();
    }
  });

  it('says nothing where the mapping does not listen', async () => {
    const it = world(2);
    it.answer = () => failing('1');
    it.start({ MaximumRetryAttempts: 0 });
    await it.pass(1000);
    assert.equal(it.counters.get('FailedInvokeEventCount'), undefined);
    await it.stop();
  });
});

describe('the record of a batch that was given up', () => {
  const settings = { MaximumRetryAttempts: 1, DestinationConfig: QUEUE };

  it('has the form that AWS gives it', async () => {
    const it = world(1);
    it.clock.advance(1500);
    it.put(SHARD, 1);
    it.answer = () => 'fail';
    it.start(settings);
    await it.pass(250);
    const [{ delivery, body } = assert.fail()] = it.sent;
    assert.equal(
      JSON.stringify(body),
      JSON.stringify({
        requestContext: {
          requestId: 'request-2',
          functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:f',
          condition: 'RetryAttemptsExhausted',
          approximateInvokeCount: 2,
        },
        responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
        version: '1.0',
        timestamp: '2023-11-14T22:13:21.750Z',
        KinesisBatchInfo: {
          shardId: SHARD,
          startSequenceNumber: '1',
          endSequenceNumber: '2',
          approximateArrivalOfFirstRecord: '2023-11-14T22:13:20Z',
          approximateArrivalOfLastRecord: '2023-11-14T22:13:21.500Z',
          batchSize: 2,
          streamArn: STREAM_ARN,
        },
      }),
    );
    assert.equal(delivery.target, QUEUE.OnFailure.Destination);
    assert.equal(delivery.objectKey, undefined);
    assert.equal(it.counters.get('OnFailureDestinationDeliveredEventCount'), 2);
    assert.equal(it.counters.get('DroppedEventCount'), undefined);
    await it.stop();
  });

  it('goes to a bucket with its batch, under a key of its own', async () => {
    const it = world(1);
    it.answer = () => 'fail';
    it.start({ ...settings, DestinationConfig: BUCKET });
    await it.pass(250);
    const [{ delivery, body } = assert.fail()] = it.sent;
    assert.equal(delivery.objectKey, `aws/lambda/${UUID}/${SHARD}/2023/11/14/2023-11-14T22.13.20-request-2`);
    assert.deepEqual(JSON.parse(body['payload'] as string), { Records: [{ id: '1', key: 'key-1' }] });
    await it.stop();
  });

  it('is sent until it is taken, and only then does the checkpoint move', async () => {
    const it = world(1);
    it.answer = failsWith('1');
    it.sendFailure = () => new Error('nobody there');
    it.start(settings);
    await it.pass(10_000);
    assert.deepEqual(await it.checkpoint(SHARD), { position: { type: 'TRIM_HORIZON' } });
    await it.stop();
    assert.deepEqual(it.sent, [], 'left to the next run');
    it.sendFailure = () => undefined;
    it.put(SHARD, 1);
    it.start({ ...settings, BatchSize: 1 });
    await it.pass(2000);
    assert.equal(it.sent.length, 1);
    assert.deepEqual(await it.checkpoint(SHARD), after('2'));
    await it.stop();
  });

  it('is given up when the destination will never take it', async () => {
    const it = world(1);
    it.answer = () => 'fail';
    it.sendFailure = () => new DeliveryRefused('no such queue');
    it.start(settings);
    await it.pass(1000);
    assert.deepEqual(await it.checkpoint(SHARD), after('1'));
    assert.equal(it.counters.get('DroppedEventCount'), 1);
    assert.match(it.notes.join(), /no such queue/);
    await it.stop();
  });
});
