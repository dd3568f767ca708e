import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GROUP, logsServer, messagesOf, NOW_MS } from './logs-server.ts';

const KEY = { logGroupName: GROUP, logStreamName: 's' };
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

async function streamServer(...args: Parameters<typeof logsServer>) {
  const server = await logsServer(...args);
  await server.done('CreateLogGroup', { logGroupName: GROUP });
  await server.done('CreateLogStream', KEY);
  const put = (logEvents: readonly object[], more: object = {}) =>
    server.done('PutLogEvents', { ...KEY, logEvents, ...more });
  const refused = (logEvents: readonly object[]) => server.refusal('PutLogEvents', { ...KEY, logEvents });
  const get = async () => messagesOf(await server.done('GetLogEvents', { ...KEY, startFromHead: true }));
  return { ...server, put, refused, get };
}

const event = (timestamp: number, message = 'm') => ({ timestamp, message });

test('events that are put are read, also by who gives old sequence tokens', async (t) => {
  const { put, get, done, refusal } = await streamServer(t);
  const first = await put([event(NOW_MS, 'one'), event(NOW_MS, 'two'), event(NOW_MS + 5, 'three \u0000 ünï\n')]);
  assert.deepEqual(Object.keys(first), ['nextSequenceToken']);
  assert.match(first.nextSequenceToken, /^49\d{54}$/);
  await put([event(NOW_MS + 1, 'between')], { sequenceToken: '1' });
  await put([event(NOW_MS + 6, 'last')], { sequenceToken: first.nextSequenceToken });
  assert.deepEqual(await get(), ['one', 'two', 'between', 'three \u0000 ünï', 'last']);
  const { logStreams } = await done('DescribeLogStreams', { logGroupName: GROUP });
  assert.equal(logStreams[0]?.lastEventTimestamp, NOW_MS + 6);
  assert.equal(
    await refusal('PutLogEvents', { ...KEY, logStreamName: 'none', logEvents: [event(NOW_MS)] }),
    'ResourceNotFoundException: The specified log stream does not exist.',
  );
});

test('tokens of GetLogEvents stay equal at either end, and go on with what comes', async (t) => {
  const { put, done } = await streamServer(t);
  const get = (input: object) => done('GetLogEvents', { ...KEY, startFromHead: true, ...input });
  const empty = await get({});
  const again = await get({ nextToken: empty.nextForwardToken });
  assert.equal(again.nextForwardToken, empty.nextForwardToken);
  await put([event(NOW_MS, 'a'), event(NOW_MS, 'b'), event(NOW_MS + 1, 'c')]);
  const page = await get({ nextToken: again.nextForwardToken, limit: 2 });
  assert.deepEqual(messagesOf(page), ['a', 'b']);
  const rest = await get({ nextToken: page.nextForwardToken, limit: 2 });
  assert.deepEqual(messagesOf(rest), ['c']);
  const end = await get({ nextToken: rest.nextForwardToken });
  assert.deepEqual([end.events, end.nextForwardToken], [[], rest.nextForwardToken]);
  const back = await get({ nextToken: page.nextBackwardToken });
  assert.deepEqual([back.events, back.nextBackwardToken], [[], page.nextBackwardToken]);
});

test('a batch is refused whole for its size, order or span', async (t) => {
  const { refused, put, get } = await streamServer(t);
  const limit = 1_048_576;
  assert.equal(
    await refused([event(NOW_MS, 'x'.repeat(limit - 25))]),
    `InvalidParameterException: Log event too large: ${limit + 1} bytes exceeds limit of ${limit}`,
  );
  assert.equal(
    await refused([event(NOW_MS, 'ü'.repeat(300_000)), event(NOW_MS, 'x'.repeat(500_000))]),
    `InvalidParameterException: Upload too large: ${600_000 + 500_000 + 52} bytes exceeds limit of ${limit}`,
  );
  assert.equal(
    await refused([event(NOW_MS), event(NOW_MS - 1)]),
    'InvalidParameterException: Log events in a single PutLogEvents request must be in chronological order.',
  );
  assert.equal(
    await refused([event(NOW_MS - DAY_MS - 1), event(NOW_MS)]),
    'InvalidParameterException: The batch of log events in a single PutLogEvents request cannot span more than 24 hours.',
  );
  assert.match(
    await refused(Array.from({ length: 10_001 }, () => event(NOW_MS))),
    /^InvalidParameterException: 1 validation error detected: Value '\[.*' at 'logEvents' failed to satisfy constraint: Member must have length less than or equal to 10000$/s,
  );
  assert.match(
    await refused([]),
    /at 'logEvents' failed to satisfy constraint: Member must have length greater than or equal to 1$/,
  );
  assert.equal(
    await refused([event(NOW_MS), event(NOW_MS, '')]),
    "InvalidParameterException: 1 validation error detected: Value '' at 'logEvents.2.member.message' failed to satisfy " +
      'constraint: Member must have length greater than or equal to 1',
  );
  assert.match(await refused([{ timestamp: 1.5, message: 'm' }]), /^SerializationException: /);
  assert.deepEqual(await get(), []);

  await put([event(NOW_MS - DAY_MS, 'day'), event(NOW_MS, 'x'.repeat(limit - 26 - 3 - 26))]);
  assert.equal((await get()).length, 2);
});

test('the largest batches are taken, however JSON writes them', async (t) => {
  const { put, get, done } = await streamServer(t);
  await put(Array.from({ length: 10_000 }, (_, i) => event(NOW_MS, `${i}`.padEnd(78, '\u0001'))));
  const page = await done('GetLogEvents', { ...KEY, startFromHead: true });
  assert.equal(page.events.length, 10_000);
  assert.equal(page.events[9_999]?.message, '9999'.padEnd(78, '\u0001'));
  assert.equal((await get()).length, 10_000);
});

test('events that are too new, too old or expired are left out, and named', async (t) => {
  const { put, get, done } = await streamServer(t);
  const future = NOW_MS + 2 * HOUR_MS;
  const past = NOW_MS - 14 * DAY_MS;
  assert.deepEqual(
    (await put([event(NOW_MS, 'now'), event(future, 'soon'), event(future + 1)])).rejectedLogEventsInfo,
    {
      tooNewLogEventStartIndex: 2,
    },
  );
  assert.deepEqual((await put([event(past - 2), event(past - 1), event(past, 'old')])).rejectedLogEventsInfo, {
    tooOldLogEventEndIndex: 2,
  });
  assert.deepEqual((await put([event(future + 1)])).rejectedLogEventsInfo, { tooNewLogEventStartIndex: 0 });
  assert.deepEqual(await get(), ['old', 'now', 'soon']);

  await done('PutRetentionPolicy', { logGroupName: GROUP, retentionInDays: 3 });
  const kept = NOW_MS - 3 * DAY_MS;
  assert.deepEqual((await put([event(kept - 1), event(kept, 'kept')])).rejectedLogEventsInfo, {
    expiredLogEventEndIndex: 1,
  });
  assert.deepEqual((await put([event(past - 1), event(past)])).rejectedLogEventsInfo, {
    tooOldLogEventEndIndex: 1,
    expiredLogEventEndIndex: 2,
  });
  assert.deepEqual(await get(), ['kept', 'now', 'soon']);
});

test('an entity is not kept, which the answer says', async (t) => {
  const { put, get } = await streamServer(t);
  const entity = { keyAttributes: { Type: 'Service', Name: 'x' } };
  const output = await put([event(NOW_MS)], { entity });
  assert.deepEqual(output.rejectedEntityInfo, { errorType: 'UnsupportedLogGroupType' });
  assert.deepEqual(await get(), ['m']);
});

test('what is written into a deleted group begins it anew when a function writes, and is refused to a caller', async (t) => {
  const { put, done, refused, write } = await streamServer(t);
  await done('PutRetentionPolicy', { logGroupName: GROUP, retentionInDays: 1 });
  await put([event(NOW_MS, 'old')]);
  write('environment', 0, 1);
  await done('DeleteLogGroup', { logGroupName: GROUP });
  assert.equal(await refused([event(NOW_MS)]), 'ResourceNotFoundException: The specified log group does not exist.');
  write('environment', 1, 2);
  assert.deepEqual(messagesOf(await done('FilterLogEvents', { logGroupName: GROUP })), ['m1']);
  const { logGroups } = await done('DescribeLogGroups', {});
  assert.deepEqual(
    logGroups.map(({ logGroupName, retentionInDays }) => [logGroupName, retentionInDays]),
    [[GROUP, undefined]],
  );
});
