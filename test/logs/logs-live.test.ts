// The logs of a running server: with the SDK, through a kill, under policies, and while functions write.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  DeleteLogGroupCommand,
  DeleteLogStreamCommand,
  DeleteRetentionPolicyCommand,
  DescribeLogGroupsCommand,
  DescribeLogStreamsCommand,
  FilterLogEventsCommand,
  GetLogEventsCommand,
  ListTagsForResourceCommand,
  PutLogEventsCommand,
  PutRetentionPolicyCommand,
  paginateFilterLogEvents,
  ResourceAlreadyExistsException,
  ResourceNotFoundException,
  TagResourceCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const REGION = 'us-east-1';

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'lambdad-logs-live-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function logsClient(t: TestContext, { url }: TestServer, accessKeyId = 'test', secretAccessKey = 'test') {
  const credentials = { accessKeyId, secretAccessKey };
  const client = new CloudWatchLogsClient({ endpoint: url, region: REGION, credentials, maxAttempts: 1 });
  t.after(() => client.destroy());
  return client;
}

test('the SDK finds after a kill what was acknowledged before it', async (t) => {
  const dataDir = folderFor(t);
  const server = await startTestServer({ dataDir });
  const logs = logsClient(t, server);
  const [logGroupName, logStreamName] = ['/made/by/hand', 'stream'];
  const resourceArn = `arn:aws:logs:${REGION}:000000000000:log-group:${logGroupName}`;
  await logs.send(new CreateLogGroupCommand({ logGroupName, tags: { a: '1' } }));
  await assert.rejects(logs.send(new CreateLogGroupCommand({ logGroupName })), ResourceAlreadyExistsException);
  await logs.send(new CreateLogGroupCommand({ logGroupName: 'gone' }));
  for (const name of [logStreamName, 'empty', 'dropped'])
    await logs.send(new CreateLogStreamCommand({ logGroupName, logStreamName: name }));
  await logs.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays: 7 }));
  await logs.send(new TagResourceCommand({ resourceArn, tags: { b: '2' } }));
  const logEvents = Array.from({ length: 250 }, (_, i) => ({ timestamp: Date.now(), message: `{"n":${i}}` }));
  const put = await logs.send(new PutLogEventsCommand({ logGroupName, logStreamName, logEvents }));
  assert.ok(put.nextSequenceToken);
  await logs.send(new DeleteLogStreamCommand({ logGroupName, logStreamName: 'dropped' }));
  await logs.send(new DeleteLogGroupCommand({ logGroupName: 'gone' }));
  await server.kill();

  const next = await startTestServer({ dataDir });
  t.after(() => next.stop());
  const again = logsClient(t, next);
  const { logGroups } = await again.send(new DescribeLogGroupsCommand({}));
  assert.deepEqual(
    logGroups?.map((group) => [group.logGroupName, group.retentionInDays]),
    [[logGroupName, 7]],
  );
  const { logStreams } = await again.send(new DescribeLogStreamsCommand({ logGroupIdentifier: resourceArn }));
  assert.deepEqual(
    logStreams?.map((stream) => stream.logStreamName),
    ['empty', logStreamName],
  );
  assert.deepEqual((await again.send(new ListTagsForResourceCommand({ resourceArn }))).tags, { a: '1', b: '2' });
  const seen: (string | undefined)[] = [];
  const paging = { client: again, pageSize: 40 };
  for await (const page of paginateFilterLogEvents(paging, { logGroupName, filterPattern: '{ $.n >= 100 }' }))
    seen.push(...(page.events ?? []).map(({ message }) => message));
  assert.deepEqual(
    seen,
    logEvents.slice(100).map(({ message }) => message),
  );
  await again.send(new DeleteRetentionPolicyCommand({ logGroupName }));
  await assert.rejects(
    again.send(new GetLogEventsCommand({ logGroupName, logStreamName: 'dropped' })),
    ResourceNotFoundException,
  );
});

const account = '111111111111';
const arn = (group: string) => `arn:aws:logs:${REGION}:${account}:log-group:${group}`;

/** A server that checks signatures, and clients with the keys of users who may do little. */
async function withUsers(t: TestContext): Promise<(name: string) => CloudWatchLogsClient> {
  const folder = folderFor(t);
  const allow = (Action: string | string[], Resource: string | string[], more: object = {}) => ({
    Effect: 'Allow',
    Action,
    Resource,
    ...more,
  });
  const key = (name: string, more: object) => ({ accessKeyId: `AKID${name}`, secretAccessKey: name, account, ...more });
  const user = (name: string, ...Statement: object[]) =>
    key(name, { user: name.toLowerCase(), policies: [{ Version: '2012-10-17', Statement }] });
  const keys = [
    key('OWNER', {}),
    user('MAKER', allow(['logs:CreateLogGroup', 'logs:CreateLogStream'], `${arn('app')}:*`)),
    user('WRITER', allow('logs:PutLogEvents', `${arn('app')}:log-stream:mine`)),
    user(
      'TAGGER',
      allow('logs:TagResource', arn('app'), { Condition: { StringEquals: { 'aws:RequestTag/team': 'red' } } }),
      allow('logs:CreateLogGroup', '*'),
    ),
    user('READER', allow('logs:*', '*', { Condition: { StringEquals: { 'aws:ResourceTag/team': 'red' } } })),
  ];
  const credentials = join(folder, 'credentials.json');
  writeFileSync(credentials, JSON.stringify({ keys }), { mode: 0o600 });
  const server = await startTestServer({ args: ['--auth', 'sigv4', '--credentials', credentials] });
  t.after(() => server.stop());
  return (name: string) => logsClient(t, server, `AKID${name}`, name);
}

test('policies decide who makes, writes, tags and reads what', async (t) => {
  const as = await withUsers(t);
  const [maker, writer, tagger, reader] = [as('MAKER'), as('WRITER'), as('TAGGER'), as('READER')];
  const refused = (user: string, action: string, resource: string) => ({
    name: 'AccessDeniedException',
    message:
      `User: arn:aws:iam::${account}:user/${user} is not authorized to perform: logs:${action} on resource: ${resource} ` +
      `because no identity-based policy allows the logs:${action} action`,
  });

  await maker.send(new CreateLogGroupCommand({ logGroupName: 'app' }));
  await assert.rejects(
    maker.send(new CreateLogGroupCommand({ logGroupName: 'other' })),
    refused('maker', 'CreateLogGroup', `${arn('other')}:log-stream:`),
  );
  for (const logStreamName of ['mine', 'theirs'])
    await maker.send(new CreateLogStreamCommand({ logGroupName: 'app', logStreamName }));
  await assert.rejects(
    maker.send(new DeleteLogStreamCommand({ logGroupName: 'app', logStreamName: 'mine' })),
    refused('maker', 'DeleteLogStream', `${arn('app')}:log-stream:mine`),
  );
  const put = (logStreamName: string) => {
    const logEvents = [{ timestamp: Date.now(), message: 'm' }];
    return writer.send(new PutLogEventsCommand({ logGroupName: 'app', logStreamName, logEvents }));
  };
  await put('mine');
  await assert.rejects(put('theirs'), refused('writer', 'PutLogEvents', `${arn('app')}:log-stream:theirs`));

  const read = () => reader.send(new FilterLogEventsCommand({ logGroupName: 'app' }));
  await assert.rejects(read(), refused('reader', 'FilterLogEvents', `${arn('app')}:log-stream:`));
  const tag = (team: string) => tagger.send(new TagResourceCommand({ resourceArn: arn('app'), tags: { team } }));
  await assert.rejects(tag('blue'), refused('tagger', 'TagResource', arn('app')));
  await tag('red');
  assert.equal((await read()).events?.length, 1);
  // Who makes a group with tags must be allowed to tag it.
  await tagger.send(new CreateLogGroupCommand({ logGroupName: 'plain' }));
  await assert.rejects(
    tagger.send(new CreateLogGroupCommand({ logGroupName: 'tagged', tags: { team: 'red' } })),
    refused('tagger', 'TagResource', arn('tagged')),
  );
  const { logGroups } = await as('OWNER').send(new DescribeLogGroupsCommand({}));
  assert.deepEqual(
    logGroups?.map(({ logGroupName }) => logGroupName),
    ['app', 'plain'],
  );
});

test('functions go on writing into a group that is set up, shared or deleted meanwhile', async (t) => {
  const server = await startTestServer();
  t.after(() => server.stop());
  const lambda = server.client();
  const logs = logsClient(t, server);
  const logGroupName = '/shared/by/two';
  await logs.send(new CreateLogGroupCommand({ logGroupName, tags: { a: '1' } }));
  await logs.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays: 1 }));
  const files = { 'index.mjs': 'export const handler = async ({ say }) => console.log(say);' };
  for (const name of ['one', 'two'])
    await createFunction(lambda, name, { files, LoggingConfig: { LogGroup: logGroupName } });
  const messages = async () => {
    const { events } = await logs.send(new FilterLogEventsCommand({ logGroupName, filterPattern: 'said' }));
    return events?.map(({ message }) => message?.split('\t').at(-1)?.trim());
  };
  const say = (name: string, text: string) => invokeFunction(lambda, name, { say: `said ${text}` });
  /** Output is drained off the client's path. */
  const settled = async (...expected: string[]) => {
    for (;;) {
      const seen = await messages().catch(() => []);
      if (seen !== undefined && seen.length >= expected.length) return assert.deepEqual(seen, expected);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  await say('one', 'first');
  await say('two', 'second');
  await settled('said first', 'said second');
  const { logStreams } = await logs.send(new DescribeLogStreamsCommand({ logGroupName }));
  assert.equal(logStreams?.length, 2);

  await logs.send(new DeleteLogGroupCommand({ logGroupName }));
  await assert.rejects(messages(), ResourceNotFoundException);
  await say('one', 'third');
  await settled('said third');
  const { logGroups } = await logs.send(new DescribeLogGroupsCommand({ logGroupNamePrefix: logGroupName }));
  assert.deepEqual([logGroups?.length, logGroups?.[0]?.retentionInDays], [1, undefined]);
  await say('two', 'fourth');
  await settled('said third', 'said fourth');
  const { logStreams: current = [] } = await logs.send(new DescribeLogStreamsCommand({ logGroupName }));
  assert.equal(current.length, 2);
  for (const { logStreamName } of current) await logs.send(new DeleteLogStreamCommand({ logGroupName, logStreamName }));
  await say('one', 'fifth');
  await settled('said fifth');
});
