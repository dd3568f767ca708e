import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ACCOUNT,
  type Answer,
  GROUP,
  logsServer,
  messagesOf as messagesOfOutput,
  NOW_MS,
  REGION,
} from './logs-server.ts';

function messagesOf({ output }: Answer): string[] {
  return messagesOfOutput(output);
}

test('following a log as clients do shows every line once, across streams', async (t) => {
  const { call, write } = await logsServer(t);
  write('a', 0, 5);
  write('b', 3, 8);
  const seen = new Map<string, string>();
  let startTime = NOW_MS;
  const poll = async () => {
    let nextToken: string | undefined;
    for (let page = 0; page < 10; page += 1) {
      const { status, output } = await call('FilterLogEvents', {
        logGroupName: GROUP,
        startTime,
        nextToken,
        limit: 4,
        interleaved: true,
      });
      assert.equal(status, 200);
      for (const event of output.events) {
        seen.set(event.eventId, `${event.logStreamName} ${event.message.trimEnd()}`);
        startTime = Math.max(startTime, event.timestamp);
      }
      nextToken = output.nextToken;
      if (!nextToken) return;
    }
    assert.fail('paging does not end');
  };
  await poll();
  assert.deepEqual([...seen.values()].sort(), [
    'a m0',
    'a m1',
    'a m2',
    'a m3',
    'a m4',
    'b m3',
    'b m4',
    'b m5',
    'b m6',
    'b m7',
  ]);
  write('a', 7, 9);
  await poll();
  assert.deepEqual([...seen.values()].slice(-2), ['a m7', 'a m8']);
  assert.equal(seen.size, 12);
});

test('FilterLogEvents by stream, prefix, time and pattern', async (t) => {
  const { call, write } = await logsServer(t);
  write('a-1', 0, 20);
  write('b-1', 20, 22);
  const filter = async (input: object) => messagesOf(await call('FilterLogEvents', { logGroupName: GROUP, ...input }));
  assert.deepEqual(await filter({ logStreamNames: ['b-1'] }), ['m20', 'm21']);
  assert.deepEqual(await filter({ logStreamNamePrefix: 'b' }), ['m20', 'm21']);
  assert.deepEqual(await filter({ startTime: NOW_MS + 18, endTime: NOW_MS + 21 }), ['m18', 'm19', 'm20']);
  assert.deepEqual(await filter({ filterPattern: 'm1 -m11 -m12', endTime: NOW_MS + 14 }), ['m1', 'm10', 'm13']);
  const arn = `arn:aws:logs:us-east-1:000000000000:log-group:${GROUP}`;
  const byArn = await call('FilterLogEvents', { logGroupIdentifier: arn, limit: 1 });
  assert.deepEqual(messagesOf(byArn), ['m0']);
  assert.deepEqual(byArn.output.searchedLogStreams, []);
});

test('GetLogEvents goes back from the end and forward from any token', async (t) => {
  const { call, write } = await logsServer(t);
  write('s', 0, 10);
  const get = (input: object) => call('GetLogEvents', { logGroupName: GROUP, logStreamName: 's', limit: 4, ...input });
  const last = await get({});
  assert.deepEqual(messagesOf(last), ['m6', 'm7', 'm8', 'm9']);
  const before = await get({ nextToken: last.output.nextBackwardToken });
  assert.deepEqual(messagesOf(before), ['m2', 'm3', 'm4', 'm5']);
  const forward = await get({ nextToken: before.output.nextForwardToken });
  assert.deepEqual(messagesOf(forward), ['m6', 'm7', 'm8', 'm9']);
  const end = await get({ nextToken: forward.output.nextForwardToken });
  assert.deepEqual([messagesOf(end), end.output.nextForwardToken], [[], forward.output.nextForwardToken]);
  write('s', 10, 11);
  assert.deepEqual(messagesOf(await get({ nextToken: end.output.nextForwardToken })), ['m10']);
  assert.deepEqual(messagesOf(await get({ startFromHead: true })), ['m0', 'm1', 'm2', 'm3']);
  assert.deepEqual(Object.keys(last.output.events[0] ?? {}), ['timestamp', 'message', 'ingestionTime']);
});

test('an answer stays below a megabyte and goes on where it ended', async (t) => {
  const { call, store } = await logsServer(t);
  const events = Array.from({ length: 10 }, (_, i) => ({
    timestamp: NOW_MS + i,
    message: `${i}${'x'.repeat(250_000)}`,
  }));
  store.append({ account: ACCOUNT, region: REGION, group: GROUP, stream: 's' }, events);
  const seen: string[] = [];
  let nextToken: string | undefined;
  for (let page = 0; page < 10; page += 1) {
    const { output } = await call('FilterLogEvents', { logGroupName: GROUP, nextToken });
    assert.ok(output.events.length <= 4);
    seen.push(...output.events.map(({ message }) => message.charAt(0)));
    nextToken = output.nextToken;
    if (!nextToken) break;
  }
  assert.equal(seen.join(''), '0123456789');
});

test('groups and streams are described in pages', async (t) => {
  const { call, write } = await logsServer(t);
  for (const name of ['/aws/lambda/b', '/aws/lambda/a', 'other']) write('s', 0, 1, name);
  const groups = await call('DescribeLogGroups', { logGroupNamePrefix: '/aws/', limit: 1 });
  const [group] = groups.output.logGroups;
  assert.equal(group?.logGroupName, '/aws/lambda/a');
  assert.equal(group?.arn, 'arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/a:*');
  assert.equal(group?.creationTime, NOW_MS);
  const more = await call('DescribeLogGroups', { logGroupNamePrefix: '/aws/', nextToken: groups.output.nextToken });
  assert.deepEqual(more.output.logGroups.length, 1);
  assert.equal(more.output.nextToken, undefined);

  write('new', 5, 6);
  write('old', 1, 2);
  write('mid', 3, 4);
  const streams = async (input: object) => {
    const { output } = await call('DescribeLogStreams', { logGroupName: GROUP, ...input });
    return [output.logStreams.map(({ logStreamName }) => logStreamName), output.nextToken];
  };
  assert.deepEqual(await streams({}), [['mid', 'new', 'old'], undefined]);
  const [first, token] = await streams({ orderBy: 'LastEventTime', descending: true, limit: 2 });
  assert.deepEqual(first, ['new', 'mid']);
  const rest = await streams({ orderBy: 'LastEventTime', descending: true, limit: 2, nextToken: token });
  assert.deepEqual(rest, [['old'], undefined]);
});

test('a group is deleted once', async (t) => {
  const { call, write } = await logsServer(t);
  write('s', 0, 1);
  assert.deepEqual(await call('DeleteLogGroup', { logGroupName: GROUP }), { status: 200, output: undefined });
  const missing = { __type: 'ResourceNotFoundException', message: 'The specified log group does not exist.' };
  assert.deepEqual(await call('DeleteLogGroup', { logGroupName: GROUP }), { status: 400, output: missing });
  assert.deepEqual((await call('DescribeLogGroups', {})).output, { logGroups: [] });
});

test('FilterLogEvents from the newest on, where the range says from when', async (t) => {
  const { done, refusal, write } = await logsServer(t);
  write('a', 0, 250);
  write('b', 250, 500);
  const input = {
    logGroupName: GROUP,
    startFromHead: false,
    startTime: NOW_MS + 100,
    filterPattern: '%[05]$%',
    limit: 30,
  };
  const seen: string[] = [];
  let nextToken: string | undefined;
  for (let page = 0; page < 10; page += 1) {
    const output = await done('FilterLogEvents', { ...input, nextToken });
    seen.push(...messagesOfOutput(output));
    nextToken = output.nextToken;
    if (!nextToken) break;
  }
  const expected = Array.from({ length: 80 }, (_, i) => `m${495 - 5 * i}`);
  assert.deepEqual(seen, expected);
  assert.match(await refusal('FilterLogEvents', { ...input, startTime: undefined }), /^InvalidParameterException: /);
});

test('every kind of filter pattern can be asked with', async (t) => {
  const { done, refusal, call } = await logsServer(t);
  const key = { logGroupName: GROUP, logStreamName: 's' };
  await done('CreateLogGroup', { logGroupName: GROUP });
  await done('CreateLogStream', key);
  const lines = ['{"level":"ERROR","n":7}', '{"level":"INFO","n":9}', '10.0.0.1 GET 404', 'plain ERROR', '{"n":null}'];
  await done('PutLogEvents', { ...key, logEvents: lines.map((message) => ({ timestamp: NOW_MS, message })) });
  const filter = async (filterPattern: string) => {
    const output = await done('FilterLogEvents', { logGroupName: GROUP, filterPattern });
    return messagesOfOutput(output).map((line) => lines.indexOf(line));
  };
  assert.deepEqual(await filter('ERROR'), [0, 3]);
  assert.deepEqual(await filter('{ $.level = "*R" || $.n >= 9 }'), [0, 1]);
  assert.deepEqual(await filter('{ $.n IS NULL }'), [4]);
  assert.deepEqual(await filter('[ip, verb, status = 4*]'), [2]);
  assert.deepEqual(await filter('%^\\d+\\.%'), [2]);
  const wrong = (filterPattern: string) => refusal('FilterLogEvents', { logGroupName: GROUP, filterPattern });
  assert.equal(await wrong('{ $.a ='), 'InvalidParameterException: Invalid filter pattern');
  assert.equal(await wrong('a-b'), "InvalidParameterException: Invalid character(s) in term 'a-b'");
  assert.equal(
    await wrong('%(a)%'),
    'InvalidParameterException: Invalid regular expression in the filter pattern: %(a)%',
  );
  await done('PutLogEvents', { ...key, logEvents: [{ timestamp: NOW_MS + 1, message: 'abaabbab'.repeat(100_000) }] });
  assert.equal(
    await wrong('%[ab]*a[ab]{900}c%'),
    'InvalidParameterException: The regular expression takes too long on these log events',
  );
  assert.equal((await call('FilterLogEvents', { logGroupName: GROUP, filterPattern: '%c$%' })).status, 200);
});

test('what is wrong is refused by name', async (t) => {
  const { call, write } = await logsServer(t);
  write('s', 0, 1);
  const refusal = async (operation: string, input: unknown) => {
    const { status, output } = await call(operation, input);
    assert.equal(status, 400, JSON.stringify(input));
    assert.equal(typeof output.message, 'string');
    return output.__type;
  };
  const filter = (input: object) => refusal('FilterLogEvents', { logGroupName: GROUP, ...input });
  assert.equal(await filter({ logGroupName: 'none' }), 'ResourceNotFoundException');
  assert.equal(await filter({ logStreamNames: ['none'] }), 'ResourceNotFoundException');
  for (const wrong of [
    { limit: 0 },
    { limit: 10_001 },
    { nextToken: 'x' },
    { filterPattern: '{ $.a }' },
    { startTime: -1 },
  ]) {
    assert.equal(await filter(wrong), 'InvalidParameterException', JSON.stringify(wrong));
  }
  for (const wrong of [{ logStreamNames: 'a' }, { limit: '1' }, { startTime: 1.5 }]) {
    assert.equal(await filter(wrong), 'SerializationException');
  }
  assert.equal(await refusal('GetLogEvents', { logGroupName: GROUP }), 'InvalidParameterException');
  assert.equal(
    await refusal('GetLogEvents', { logGroupName: GROUP, logStreamName: 'none' }),
    'ResourceNotFoundException',
  );
  const token = { logGroupName: GROUP, logStreamName: 's', nextToken: 'f/1/s' };
  assert.equal(await refusal('GetLogEvents', token), 'InvalidParameterException');
  const order = { logGroupName: GROUP, orderBy: 'LastEventTime', logStreamNamePrefix: 's' };
  assert.equal(await refusal('DescribeLogStreams', order), 'InvalidParameterException');
  assert.equal(await refusal('DescribeLogGroups', '{broken'), 'SerializationException');
  assert.equal(await refusal('DescribeLogGroups', '[]'), 'SerializationException');
  assert.equal(await refusal('StartQuery', {}), 'UnknownOperationException');
  assert.equal(await refusal('toString', {}), 'UnknownOperationException');
});
