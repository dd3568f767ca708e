// Groups and streams over the API: made, described, tagged, kept for a time, deleted; and each refusal in its words.
import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, test } from 'node:test';
import { ACCOUNT, GROUP, logsServer, messagesOf, NOW_MS, REGION } from './logs-server.ts';

const ARN = `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:${GROUP}`;
const NO_GROUP = 'ResourceNotFoundException: The specified log group does not exist.';
const NO_STREAM = 'ResourceNotFoundException: The specified log stream does not exist.';

test('a group is made, described with what was said of it, and deleted', async (t) => {
  const { done, refusal } = await logsServer(t);
  const given = { logGroupName: GROUP, tags: { team: 'red' }, logGroupClass: 'INFREQUENT_ACCESS' };
  assert.equal(await done('CreateLogGroup', given), undefined);
  assert.equal(
    await refusal('CreateLogGroup', { logGroupName: GROUP }),
    'ResourceAlreadyExistsException: The specified log group already exists',
  );
  assert.deepEqual((await done('DescribeLogGroups', {})).logGroups, [
    {
      logGroupName: GROUP,
      creationTime: NOW_MS,
      arn: `${ARN}:*`,
      metricFilterCount: 0,
      storedBytes: 0,
      logGroupClass: 'INFREQUENT_ACCESS',
      logGroupArn: ARN,
      deletionProtectionEnabled: false,
    },
  ]);
  assert.deepEqual((await done('ListTagsForResource', { resourceArn: ARN })).tags, { team: 'red' });
  assert.equal(await done('DeleteLogGroup', { logGroupName: GROUP }), undefined);
  assert.deepEqual((await done('DescribeLogGroups', {})).logGroups, []);
  for (const [operation, more] of Object.entries({
    DeleteLogGroup: {},
    CreateLogStream: { logStreamName: 's' },
    DeleteLogStream: { logStreamName: 's' },
    DescribeLogStreams: {},
    GetLogEvents: { logStreamName: 's' },
    FilterLogEvents: {},
    PutLogEvents: { logStreamName: 's', logEvents: [{ timestamp: NOW_MS, message: 'm' }] },
    PutRetentionPolicy: { retentionInDays: 1 },
    DeleteRetentionPolicy: {},
    TagLogGroup: { tags: { a: 'b' } },
    UntagLogGroup: { tags: ['a'] },
    ListTagsLogGroup: {},
  }))
    assert.equal(await refusal(operation, { logGroupName: GROUP, ...more }), NO_GROUP, operation);
});

test('groups are found by prefix, pattern, class and identifier', async (t) => {
  const { done, refusal } = await logsServer(t);
  for (const logGroupName of ['/a/Data', '/a/data', '/b/Data-2']) await done('CreateLogGroup', { logGroupName });
  await done('CreateLogGroup', { logGroupName: 'rare', logGroupClass: 'INFREQUENT_ACCESS' });
  const find = async (input: object) =>
    (await done('DescribeLogGroups', input)).logGroups.map(({ logGroupName }) => logGroupName);
  assert.deepEqual(await find({}), ['/a/Data', '/a/data', '/b/Data-2', 'rare']);
  assert.deepEqual(await find({ logGroupNamePrefix: '/a/' }), ['/a/Data', '/a/data']);
  assert.deepEqual(await find({ logGroupNamePattern: 'Data' }), ['/a/Data', '/b/Data-2']);
  assert.deepEqual(await find({ logGroupClass: 'INFREQUENT_ACCESS' }), ['rare']);
  const arn = `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:/a/data`;
  assert.deepEqual(await find({ logGroupIdentifiers: ['rare', arn, 'none'] }), ['/a/data', 'rare']);
  assert.deepEqual(await find({ accountIdentifiers: ['999999999999'], includeLinkedAccounts: true }), []);
  const [short] = (await done('DescribeLogGroups', { logGroupNamePattern: '2' })).logGroups;
  assert.deepEqual(Object.keys(short ?? {}).sort(), ['arn', 'creationTime', 'logGroupName']);
  assert.equal(
    await refusal('DescribeLogGroups', { logGroupNamePrefix: 'a', logGroupNamePattern: 'a' }),
    'InvalidParameterException: LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.',
  );
  assert.match(
    await refusal('DescribeLogGroups', { logGroupIdentifiers: ['rare'], logGroupNamePrefix: 'a' }),
    /^InvalidParameterException: /,
  );
  assert.match(await refusal('DescribeLogGroups', { nextToken: '%' }), /^InvalidParameterException: .*nextToken/);
});

test('streams are made, described by name or by their last event, and deleted', async (t) => {
  const { done, refusal, write } = await logsServer(t);
  await done('CreateLogGroup', { logGroupName: GROUP });
  const key = (logStreamName: string) => ({ logGroupName: GROUP, logStreamName });
  for (const name of ['b', 'a', 'empty']) await done('CreateLogStream', key(name));
  assert.equal(
    await refusal('CreateLogStream', key('a')),
    'ResourceAlreadyExistsException: The specified log stream already exists',
  );
  write('b', 0, 1);
  write('a', 1, 2);
  const names = async (input: object) =>
    (await done('DescribeLogStreams', { logGroupName: GROUP, ...input })).logStreams.map((view) => view.logStreamName);
  assert.deepEqual(await names({}), ['a', 'b', 'empty']);
  assert.deepEqual(await names({ orderBy: 'LastEventTime', descending: true }), ['a', 'b', 'empty']);
  assert.deepEqual(await names({ orderBy: 'LastEventTime' }), ['empty', 'b', 'a']);
  assert.deepEqual(await names({ logStreamNamePrefix: 'e' }), ['empty']);
  assert.equal(
    await refusal('DescribeLogStreams', { logGroupName: GROUP, orderBy: 'LastEventTime', logStreamNamePrefix: 'a' }),
    'InvalidParameterException: Cannot order by LastEventTime with a logStreamNamePrefix.',
  );
  const { logStreams } = await done('DescribeLogStreams', { logGroupIdentifier: `${ARN}:*`.replace(':*', '') });
  assert.deepEqual(logStreams[2], {
    logStreamName: 'empty',
    creationTime: NOW_MS,
    uploadSequenceToken: logStreams[2]?.uploadSequenceToken,
    arn: `${ARN}:log-stream:empty`,
    storedBytes: 0,
  });
  assert.equal(await done('DeleteLogStream', key('b')), undefined);
  assert.equal(await refusal('DeleteLogStream', key('b')), NO_STREAM);
  assert.equal(await refusal('GetLogEvents', key('b')), NO_STREAM);
  assert.deepEqual(messagesOf(await done('FilterLogEvents', { logGroupName: GROUP })), ['m1']);
});

test('pages of groups and streams join without gap or repeat', async (t) => {
  const { done } = await logsServer(t);
  const expected = Array.from({ length: 7 }, (_, i) => `n${i}`);
  for (const logGroupName of expected) await done('CreateLogGroup', { logGroupName });
  for (const logStreamName of expected) await done('CreateLogStream', { logGroupName: 'n0', logStreamName });
  const walk = async (
    operation: string,
    input: object,
    namesOf: (output: Awaited<ReturnType<typeof done>>) => string[],
  ) => {
    const seen: string[] = [];
    let nextToken: string | undefined;
    for (let page = 0; page < 10; page += 1) {
      const output = await done(operation, { limit: 3, nextToken, ...input });
      seen.push(...namesOf(output));
      nextToken = output.nextToken;
      if (!nextToken) break;
    }
    return seen;
  };
  const groups = await walk('DescribeLogGroups', {}, (output) => output.logGroups.map((view) => view.logGroupName));
  assert.deepEqual(groups, expected);
  const input = { logGroupName: 'n0', descending: true };
  const streams = await walk('DescribeLogStreams', input, (output) =>
    output.logStreams.map((view) => view.logStreamName),
  );
  assert.deepEqual(streams, expected.toReversed());
});

test('retention takes the days that AWS has, is shown, enforced, and taken back', async (t) => {
  const { done, refusal, clock } = await logsServer(t);
  const key = { logGroupName: GROUP, logStreamName: 's' };
  await done('CreateLogGroup', { logGroupName: GROUP });
  await done('CreateLogStream', key);
  const days = async () => (await done('DescribeLogGroups', {})).logGroups[0]?.retentionInDays;
  assert.equal(await days(), undefined);
  for (const wrong of [0, 2, 4000, -1])
    assert.equal(
      await refusal('PutRetentionPolicy', { logGroupName: GROUP, retentionInDays: wrong }),
      'InvalidParameterException: Invalid retention value. Valid values are: [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, ' +
        '365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]',
    );
  assert.equal(await done('PutRetentionPolicy', { logGroupName: GROUP, retentionInDays: 3 }), undefined);
  assert.equal(await days(), 3);
  await done('PutLogEvents', { ...key, logEvents: [{ timestamp: NOW_MS, message: 'm' }] });
  clock.advance(3 * 86_400_000);
  assert.deepEqual(messagesOf(await done('GetLogEvents', key)), ['m']);
  clock.advance(1);
  assert.deepEqual(messagesOf(await done('GetLogEvents', key)), []);
  assert.deepEqual(messagesOf(await done('FilterLogEvents', { logGroupName: GROUP })), []);
  assert.equal(await done('DeleteRetentionPolicy', { logGroupName: GROUP }), undefined);
  assert.equal(await days(), undefined);
  await done('CreateLogGroup', { logGroupName: 'd', logGroupClass: 'DELIVERY' });
  assert.match(
    await refusal('PutRetentionPolicy', { logGroupName: 'd', retentionInDays: 1 }),
    /^InvalidParameterException/,
  );
});

describe('tags', () => {
  it('come and go by ARN, and by name as they did before', async (t) => {
    const { done, refusal } = await logsServer(t);
    await done('CreateLogGroup', { logGroupName: GROUP });
    const tags = async () => (await done('ListTagsForResource', { resourceArn: ARN })).tags;
    assert.deepEqual(await tags(), {});
    await done('TagResource', { resourceArn: ARN, tags: { a: '1', b: '2' } });
    await done('TagLogGroup', { logGroupName: GROUP, tags: { b: '3', c: '' } });
    assert.deepEqual(await tags(), { a: '1', b: '3', c: '' });
    assert.deepEqual((await done('ListTagsLogGroup', { logGroupName: GROUP })).tags, await tags());
    await done('UntagResource', { resourceArn: ARN, tagKeys: ['a', 'none'] });
    await done('UntagLogGroup', { logGroupName: GROUP, tags: ['b'] });
    assert.deepEqual(await tags(), { c: '' });
    const other = ARN.replace(GROUP, 'none');
    for (const [operation, more] of Object.entries({
      TagResource: { tags: { a: '1' } },
      UntagResource: { tagKeys: ['a'] },
      ListTagsForResource: {},
    })) {
      assert.equal(await refusal(operation, { resourceArn: other, ...more }), NO_GROUP);
      assert.equal(await refusal(operation, { resourceArn: ARN.replace(ACCOUNT, '999999999999'), ...more }), NO_GROUP);
      assert.match(
        await refusal(operation, { resourceArn: 'arn:aws:s3:::x', ...more }),
        /^InvalidParameterException: /,
      );
    }
  });

  it('are fifty at most, and none of AWS’s', async (t) => {
    const { call, done, refusal } = await logsServer(t);
    const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 'v']));
    await done('CreateLogGroup', { logGroupName: GROUP, tags: many(50) });
    await done('TagResource', { resourceArn: ARN, tags: { k0: 'again' } });
    const { status, output } = await call('TagResource', { resourceArn: ARN, tags: { more: 'v' } });
    assert.deepEqual(
      [status, output],
      [
        400,
        {
          __type: 'TooManyTagsException',
          message: 'A resource can have no more than 50 tags.',
          resourceName: ARN,
        },
      ],
    );
    assert.match(
      await refusal('TagLogGroup', { logGroupName: GROUP, tags: { more: 'v' } }),
      /^InvalidParameterException: A resource can have no more than 50 tags\.$/,
    );
    const reserved = 'InvalidParameterException: aws: prefixed tag key names are not allowed for external use.';
    assert.equal(await refusal('TagResource', { resourceArn: ARN, tags: { 'AWS:x': 'v' } }), reserved);
    assert.equal(await refusal('CreateLogGroup', { logGroupName: 'x', tags: { 'aws:x': 'v' } }), reserved);
    assert.match(
      await refusal('CreateLogGroup', { logGroupName: 'x', tags: many(51) }),
      /^InvalidParameterException: 1 validation error detected: Value '\{k0=v, .*\}' at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50$/,
    );
  });
});

test('deletion protection holds until it is taken back', async (t) => {
  const { done, refusal } = await logsServer(t);
  const key = { logGroupName: GROUP, logStreamName: 's' };
  await done('CreateLogGroup', { logGroupName: GROUP, deletionProtectionEnabled: true });
  await done('CreateLogStream', key);
  const isProtected = 'ValidationException: The specified log group is protected from deletion.';
  assert.equal(await refusal('DeleteLogGroup', { logGroupName: GROUP }), isProtected);
  assert.equal(await refusal('DeleteLogStream', key), isProtected);
  await done('PutLogGroupDeletionProtection', { logGroupIdentifier: ARN, deletionProtectionEnabled: false });
  await done('DeleteLogStream', key);
  await done('DeleteLogGroup', { logGroupName: GROUP });
});

test('accounts and regions are apart', async (t) => {
  const { done, refusal } = await logsServer(t);
  const key = { logGroupName: GROUP, logStreamName: 's' };
  await done('CreateLogGroup', { logGroupName: GROUP });
  await done('CreateLogStream', key);
  for (const other of [{ account: '111111111111' }, { region: 'eu-west-1' }]) {
    assert.deepEqual((await done('DescribeLogGroups', {}, other)).logGroups, []);
    assert.equal(await refusal('GetLogEvents', key, other), NO_GROUP);
    assert.equal(await refusal('FilterLogEvents', { logGroupIdentifier: ARN }, other), NO_GROUP);
    assert.equal(await refusal('DeleteLogGroup', { logGroupName: GROUP }, other), NO_GROUP);
    await done('CreateLogGroup', { logGroupName: GROUP }, other);
    await done('DeleteLogGroup', { logGroupName: GROUP }, other);
  }
  assert.equal((await done('DescribeLogGroups', {})).logGroups.length, 1);
});

test('a flood of groups, streams or tags ends in LimitExceededException', async (t) => {
  const limits = { groupsOfNamespaceMax: 2, streamsOfNamespaceMax: 2, settingsCharactersMax: 300 };
  const { done, refusal } = await logsServer(t, limits);
  const full = 'LimitExceededException: Resource limit exceeded.';
  for (const logGroupName of ['a', 'b']) await done('CreateLogGroup', { logGroupName });
  assert.equal(await refusal('CreateLogGroup', { logGroupName: 'c' }), full);
  for (const logStreamName of ['a', 'b']) await done('CreateLogStream', { logGroupName: 'a', logStreamName });
  assert.equal(await refusal('CreateLogStream', { logGroupName: 'b', logStreamName: 'c' }), full);
  await done('TagLogGroup', { logGroupName: 'a', tags: { k: 'v'.repeat(200) } });
  assert.equal(await refusal('TagLogGroup', { logGroupName: 'b', tags: { k: 'v'.repeat(200) } }), full);
});

test('a disk that refuses gives an error that clients try again', async (t) => {
  const { call, done, directory } = await logsServer(t);
  await writeFile(join(directory, ACCOUNT), 'a file where the directory should be');
  const { status, output } = await call('CreateLogGroup', { logGroupName: GROUP });
  assert.deepEqual([status, output.__type], [500, 'ServiceUnavailableException']);
  await rm(join(directory, ACCOUNT));
  await done('CreateLogGroup', { logGroupName: GROUP });
});

test('constraints of the model are said as the model has them', async (t) => {
  const { refusal } = await logsServer(t);
  const one = 'InvalidParameterException: 1 validation error detected: ';
  const pattern = 'failed to satisfy constraint: Member must satisfy regular expression pattern: ';
  assert.equal(
    await refusal('CreateLogGroup', { logGroupName: 'a:b' }),
    `${one}Value 'a:b' at 'logGroupName' ${pattern}[\\.\\-_/#A-Za-z0-9]+`,
  );
  assert.equal(
    await refusal('CreateLogStream', { logGroupName: 'a', logStreamName: 'x:*' }),
    `${one}Value 'x:*' at 'logStreamName' ${pattern}[^:*]*`,
  );
  assert.equal(
    await refusal('CreateLogStream', {}),
    "InvalidParameterException: 2 validation errors detected: Value null at 'logGroupName' failed to satisfy constraint: " +
      "Member must not be null; Value null at 'logStreamName' failed to satisfy constraint: Member must not be null",
  );
  assert.equal(
    await refusal('CreateLogGroup', { logGroupName: 'a', logGroupClass: 'RARE' }),
    `${one}Value 'RARE' at 'logGroupClass' failed to satisfy constraint: Member must satisfy enum value set: ` +
      '[STANDARD, INFREQUENT_ACCESS, DELIVERY]',
  );
  assert.equal(
    await refusal('DescribeLogGroups', { limit: 51 }),
    `${one}Value '51' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 50`,
  );
  assert.equal(
    await refusal('DescribeLogStreams', {}),
    `${one}Value null at 'logGroupName' failed to satisfy constraint: Member must not be null`,
  );
  assert.equal(
    await refusal('DescribeLogStreams', { logGroupName: 'a', logGroupIdentifier: 'a' }),
    'InvalidParameterException: LogGroup name and LogGroup identifier are mutually exclusive parameters.',
  );
  assert.equal(
    await refusal('CreateLogGroup', { logGroupName: 7 }),
    'SerializationException: NUMBER_VALUE can not be converted to a String',
  );
  assert.match(await refusal('CreateLogGroup', { logGroupName: 'a', kmsKeyId: 'k' }), /^InvalidParameterException: /);
  assert.match(await refusal('StartLiveTail', {}), /^UnknownOperationException: /);
});
