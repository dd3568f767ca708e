import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FakeClock } from '../../src/base/clock.ts';
import { DiskLogStore } from '../../src/logs/disk-log-store.ts';
import { createLogsApi } from '../../src/server/logs-api.ts';

const NOW_MS = Date.UTC(2026, 0, 2, 12);
const WHO = { account: '000000000000', region: 'us-east-1', refusal: () => undefined };
const GROUP = '/aws/lambda/f';

/** The members of all answers that the tests look at. */
interface Output {
  readonly __type: string;
  readonly message: string;
  readonly events: readonly { timestamp: number; message: string; logStreamName: string; eventId: string }[];
  readonly searchedLogStreams: readonly unknown[];
  readonly nextToken?: string;
  readonly nextForwardToken: string;
  readonly nextBackwardToken: string;
  readonly logGroups: readonly { logGroupName: string; arn: string; creationTime: number }[];
  readonly logStreams: readonly { logStreamName: string }[];
}

interface Answer {
  readonly status: number;
  readonly output: Output;
}

async function logsServer(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'lambdad-logs-api-'));
  const clock = new FakeClock(NOW_MS);
  const store = new DiskLogStore({ directory, totalBytesMax: 1e9, clock, onTrouble: () => {} });
  const api = createLogsApi(store, clock);
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const answer = await api(String(request.headers['x-amz-target']), Buffer.concat(chunks), WHO);
    response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await store.close();
    await rm(directory, { recursive: true, force: true });
  });
  const { port } = server.address() as AddressInfo;
  const call = async (operation: string, input: unknown): Promise<Answer> => {
    const headers = { 'X-Amz-Target': `Logs_20140328.${operation}`, 'Content-Type': 'application/x-amz-json-1.1' };
    const body = typeof input === 'string' ? input : JSON.stringify(input);
    const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body });
    assert.equal(response.headers.get('content-type'), 'application/x-amz-json-1.1');
    const answer = await response.text();
    return { status: response.status, output: answer === '' ? undefined : JSON.parse(answer) };
  };
  const write = (stream: string, from: number, to: number, group = GROUP) => {
    const events = Array.from({ length: to - from }, (_, i) => ({
      timestamp: NOW_MS + from + i,
      message: `m${from + i}\n`,
    }));
    store.append({ ...WHO, group, stream }, events);
  };
  return { call, write, store };
}

function messagesOf({ output }: Answer): string[] {
  return output.events.map(({ message }) => message.trimEnd());
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
  store.append({ ...WHO, group: GROUP, stream: 's' }, events);
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
    assert.equal(await filter(wrong), 'InvalidParameterException');
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
