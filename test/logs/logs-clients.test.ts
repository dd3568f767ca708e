// The logs as other clients read and write them: the AWS command line and boto3, each a process of its own.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { inFullOnly } from '../proof/extent.ts';
import { runClient } from '../support/client-process.ts';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { skipUnless } from '../support/requirement.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

/** `aws logs tail` came with version 2, which a machine may have beside the one on its PATH. */
const awsCommand = process.env['AWS_CLI_2'] ?? 'aws';
const found = spawnSync(awsCommand, ['--version'], { encoding: 'utf8' });
const withoutAws = skipUnless(found.status === 0, 'needs aws on the PATH');
/** With version 1 the test makes the calls that the tail would make. */
const isVersion2 = /^aws-cli\/(?!1\.)/.test(found.stdout ?? '');

const python = process.env['PYTHON_WITH_BOTO3'] ?? 'python3';
const withoutBoto3 = skipUnless(
  spawnSync(python, ['-c', 'import boto3'], { stdio: 'ignore' }).status === 0,
  'needs boto3 for python3, or an interpreter that has it in PYTHON_WITH_BOTO3',
);

const GROUP = '/shared/by/two';
const files = { 'index.mjs': 'export const handler = async ({ say }) => console.log(say);' };
const SAID_MS_MAX = 40_000;

/** Runs `aws logs …` and reads the JSON that it prints. */
async function aws(server: TestServer, ...args: string[]) {
  // Versions of before 2023 know no variable for the address.
  const { stdout } = await runClient(awsCommand, ['logs', ...args, '--endpoint-url', server.url], server);
  return stdout.trim() === '' ? {} : JSON.parse(stdout);
}

async function twoFunctions(t: TestContext) {
  const server = await startTestServer();
  t.after(() => server.stop());
  const lambda = server.client();
  for (const name of ['one', 'two']) await createFunction(lambda, name, { files, LoggingConfig: { LogGroup: GROUP } });
  return { server, say: (name: string, say: string) => invokeFunction(lambda, name, { say }) };
}

interface Tail {
  /** Resolves when this was printed. */
  until(text: string): Promise<void>;
  output(): string;
}

/** `aws logs tail --follow`, and what it prints; ended with the test. */
function startTail(t: TestContext, server: TestServer, ...more: string[]): Tail {
  if (!isVersion2) return pollingTail(server, more);
  const env = { ...process.env, ...server.clientEnvironment(), AWS_PAGER: '', PYTHONUNBUFFERED: '1' };
  const args = ['logs', 'tail', GROUP, '--follow', '--format', 'short', '--endpoint-url', server.url, ...more];
  const child = spawn(awsCommand, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise((resolve) => child.once('close', resolve));
  t.after(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  let output = '';
  let look = () => {};
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      look();
    });
  const until = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ${text} in:\n${output}`)), SAID_MS_MAX);
      look = () => {
        if (!output.includes(text)) return;
        clearTimeout(timer);
        resolve();
      };
      look();
    });
  return { until, output: () => output };
}

function pollingTail(server: TestServer, more: readonly string[]): Tail {
  let output = '';
  const until = async (text: string) => {
    for (const endAt = Date.now() + SAID_MS_MAX; !output.includes(text); ) {
      if (Date.now() > endAt) throw new Error(`no ${text} in:\n${output}`);
      const { events } = await aws(server, 'filter-log-events', '--log-group-name', GROUP, ...more);
      const lines: readonly { timestamp: number; message: string }[] = events;
      output = lines
        .map(({ timestamp, message }) => `${new Date(timestamp).toISOString()} ${message.trimEnd()}`)
        .join('\n');
    }
  };
  return { until, output: () => output };
}

test('aws logs tail --follow shows what two functions write into one group', { skip: withoutAws }, async (t) => {
  const { server, say } = await twoFunctions(t);
  await say('one', 'before the tail');
  const tail = startTail(t, server);
  await tail.until('before the tail');
  await say('two', 'while it follows');
  await tail.until('while it follows');
  await say('one', 'and again');
  await tail.until('and again');
  await aws(server, 'delete-log-group', '--log-group-name', GROUP);
  const lines = tail.output().split('\n');
  for (const text of ['before the tail', 'while it follows', 'and again'])
    assert.equal(lines.filter((line) => line.endsWith(text)).length, 1, `${text}: once`);
  assert.match(tail.output(), /^\d{4}-\d\d-\d\dT\S+ REPORT RequestId: /m);
});

test('aws logs tail --filter-pattern shows what matches', { skip: withoutAws }, async (t) => {
  const { server, say } = await twoFunctions(t);
  const line = (level: string, n: number) => JSON.stringify({ level, n });
  for (const n of [1, 2, 3]) await say('one', `${line(n === 2 ? 'INFO' : 'ERROR', n)}`);
  await say('two', 'the end');
  const tail = startTail(t, server, '--filter-pattern', '?ERROR ?end');
  await tail.until('the end');
  assert.doesNotMatch(tail.output(), /INFO.*"n":2/);
  assert.match(tail.output(), /ERROR.*"n":3/);
});

test('aws logs makes, writes, reads and deletes', { skip: inFullOnly || withoutAws }, async (t) => {
  const server = await startTestServer();
  t.after(() => server.stop());
  const group = ['--log-group-name', 'by-hand'];
  const stream = [...group, '--log-stream-name', 's/1'];
  const arn = 'arn:aws:logs:us-east-1:000000000000:log-group:by-hand';
  await aws(server, 'create-log-group', ...group, '--tags', 'team=red');
  await Promise.all([
    aws(server, 'create-log-stream', ...stream),
    aws(server, 'put-retention-policy', ...group, '--retention-in-days', '14'),
  ]);
  const now = Date.now();
  const events = [
    { timestamp: now - 15 * 86_400_000, message: 'too old' },
    ...Array.from({ length: 5 }, (_, i) => ({ timestamp: now - 15 * 86_400_000 + i, message: `old ${i}` })),
  ];
  const putEvents = (given: readonly object[]) =>
    aws(server, 'put-log-events', ...stream, '--log-events', JSON.stringify(given));
  const fresh = Array.from({ length: 5 }, (_, i) => ({ timestamp: now + i, message: `{"n":${i}}` }));
  const [rejected, put] = await Promise.all([putEvents(events), putEvents(fresh)]);
  assert.deepEqual(rejected.rejectedLogEventsInfo, { tooOldLogEventEndIndex: 6, expiredLogEventEndIndex: 6 });
  assert.deepEqual(Object.keys(put), ['nextSequenceToken']);
  const [described, streams, tags, read, filtered] = await Promise.all([
    aws(server, 'describe-log-groups'),
    aws(server, 'describe-log-streams', ...group, '--order-by', 'LastEventTime', '--descending'),
    aws(server, 'list-tags-for-resource', '--resource-arn', arn),
    aws(server, 'get-log-events', ...stream, '--start-from-head', '--limit', '2'),
    aws(server, 'filter-log-events', ...group, '--filter-pattern', '{ $.n > 2 }', '--page-size', '1'),
  ]);
  assert.deepEqual([described.logGroups.length, described.logGroups[0].retentionInDays], [1, 14]);
  assert.equal(streams.logStreams[0].lastEventTimestamp, now + 4);
  assert.deepEqual(tags.tags, { team: 'red' });
  const messages = (answer: { events: { message: string }[] }) => answer.events.map(({ message }) => message);
  assert.deepEqual(messages(read), ['{"n":0}', '{"n":1}']);
  assert.deepEqual(messages(filtered), ['{"n":3}', '{"n":4}']);
  await aws(server, 'delete-log-stream', ...stream);
  await assert.rejects(
    aws(server, 'get-log-events', ...stream),
    /ResourceNotFoundException.*The specified log stream/s,
  );
  await aws(server, 'delete-log-group', ...group);
  assert.deepEqual((await aws(server, 'describe-log-groups')).logGroups, []);
});

const STORY = `
import time, boto3
logs = boto3.client('logs')
name = dict(logGroupName='by-boto3')
logs.create_log_group(**name, logGroupClass='STANDARD', tags={'a': '1'})
try:
    logs.create_log_group(**name)
    raise SystemExit('made twice')
except logs.exceptions.ResourceAlreadyExistsException as error:
    assert error.response['Error']['Message'] == 'The specified log group already exists', error.response
for number in range(3):
    logs.create_log_stream(**name, logStreamName=f's{number}')
now = int(time.time() * 1000)
for number in range(3):
    events = [dict(timestamp=now + i, message=f'{number} {i}') for i in range(100)]
    answer = logs.put_log_events(**name, logStreamName=f's{number}', logEvents=events, sequenceToken='anything')
    assert 'rejectedLogEventsInfo' not in answer, answer
pages = logs.get_paginator('filter_log_events').paginate(**name, filterPattern='[s != 1, n >= 50]', PaginationConfig={'PageSize': 7})
found = [event['message'] for page in pages for event in page['events']]
assert sorted(found) == sorted(f'{s} {n}' for s in (0, 2) for n in range(50, 100)), found
pages = logs.get_paginator('describe_log_streams').paginate(**name, PaginationConfig={'PageSize': 2})
assert [s['logStreamName'] for page in pages for s in page['logStreams']] == ['s0', 's1', 's2']
token, read = None, []
while True:
    more = dict(nextToken=token) if token else {}
    answer = logs.get_log_events(**name, logStreamName='s0', startFromHead=True, limit=30, **more)
    read += [event['message'] for event in answer['events']]
    if answer['nextForwardToken'] == token: break
    token = answer['nextForwardToken']
assert read == [f'0 {i}' for i in range(100)], read
try:
    logs.put_retention_policy(**name, retentionInDays=2)
    raise SystemExit('kept for two days')
except logs.exceptions.InvalidParameterException:
    pass
logs.put_retention_policy(**name, retentionInDays=1)
logs.delete_retention_policy(**name)
logs.delete_log_group(**name)
try:
    logs.describe_log_streams(**name)
    raise SystemExit('still there')
except logs.exceptions.ResourceNotFoundException:
    print('told')
`;

test('boto3 makes, writes, pages and deletes', { skip: withoutBoto3 }, async (t) => {
  const server = await startTestServer();
  t.after(() => server.stop());
  const { stdout } = await runClient(python, ['-B', '-c', STORY], server);
  assert.equal(stdout, 'told\n');
});
