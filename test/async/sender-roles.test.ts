/** Records and dead letters are sent by the function's role where functions have sessions of their roles. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import {
  InvokeCommand,
  type LambdaClient,
  PutFunctionConcurrencyCommand,
  PutFunctionEventInvokeConfigCommand,
} from '@aws-sdk/client-lambda';
import { type Asked, jsonError, startFakeService } from '../neighbours/fake-service.ts';
import { createFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

const ACCOUNT = '123456789012';
const QUEUE = `arn:aws:sqs:us-east-1:${ACCOUNT}`;
const WAIT_MS_MAX = 30_000;
const files = { 'index.mjs': 'export const handler = () => { throw new Error("as asked"); };' };

/** A session whose key tells which function it was asked for, or no session. */
function answerSts({ body }: Asked) {
  const asked = new URLSearchParams(body);
  const name = asked.get('RoleSessionName') ?? '';
  if (asked.get('RoleArn')?.endsWith('/closed'))
    return {
      status: 403,
      body: '<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>',
    };
  return {
    body: `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA${name.toUpperCase()}</AccessKeyId>
      <SecretAccessKey>s</SecretAccessKey><SessionToken>token of ${name}</SessionToken>
      <Expiration>2126-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
  };
}

const operationOf = ({ headers }: Asked) => String(headers['x-amz-target']).split('.')[1];

const md5 = (text: string) => createHash('md5').update(text).digest('hex');

function answerSqs(asked: Asked) {
  const said: Readonly<Record<string, object>> = {
    GetQueueUrl: { QueueUrl: `http://127.0.0.1/${ACCOUNT}/queue` },
    GetQueueAttributes: { Attributes: {} },
    SendMessage: { MessageId: 'm', MD5OfMessageBody: md5(JSON.parse(asked.body || '{}').MessageBody ?? '') },
  };
  const answer = said[operationOf(asked) ?? ''];
  if (answer === undefined) return jsonError('InvalidAction', 'no');
  return { headers: { 'content-type': 'application/x-amz-json-1.0' }, body: JSON.stringify(answer) };
}

describe('who sends records', { timeout: 120_000 }, () => {
  let sts: Awaited<ReturnType<typeof startFakeService>>;
  let sqs: Awaited<ReturnType<typeof startFakeService>>;
  let server: TestServer | undefined;
  let client: LambdaClient;

  before(async () => {
    sts = await startFakeService(answerSts);
    sqs = await startFakeService(answerSqs);
  });
  after(async () => {
    await server?.stop();
    await sts[Symbol.asyncDispose]();
    await sqs[Symbol.asyncDispose]();
  });

  async function start(...args: readonly string[]): Promise<void> {
    await server?.stop();
    const env = { AWS_ENDPOINT_URL_STS: sts.url, AWS_ENDPOINT_URL_SQS: sqs.url, AWS_ACCESS_KEY_ID: undefined };
    server = await startTestServer({ args: ['--sandbox', 'process', ...args], env });
    client = server.client({ credentials: { accessKeyId: ACCOUNT, secretAccessKey: 'x' }, maxAttempts: 1 });
    sqs.asked.length = 0;
    sts.asked.length = 0;
  }

  async function fail(name: string, role = name): Promise<void> {
    await createFunction(client, name, {
      files,
      Role: `arn:aws:iam::${ACCOUNT}:role/${role}`,
      DeadLetterConfig: { TargetArn: `${QUEUE}:dead-${name}` },
    });
    await client.send(
      new PutFunctionEventInvokeConfigCommand({
        FunctionName: name,
        MaximumRetryAttempts: 0,
        DestinationConfig: { OnFailure: { Destination: `${QUEUE}:records-${name}` } },
      }),
    );
    // Its environments have no credentials either: the event ends without one.
    if (role === 'closed')
      await client.send(new PutFunctionConcurrencyCommand({ FunctionName: name, ReservedConcurrentExecutions: 0 }));
    await client.send(new InvokeCommand({ FunctionName: name, InvocationType: 'Event' }));
  }

  /** The access keys with which so many messages came, and their tokens. */
  async function senders(count: number): Promise<ReadonlyMap<string, number>> {
    const sent = () => sqs.asked.filter((asked) => operationOf(asked) === 'SendMessage');
    const giveUpAt = performance.now() + WAIT_MS_MAX;
    while (sent().length < count && performance.now() < giveUpAt)
      await new Promise((resolve) => setTimeout(resolve, 20));
    const found = new Map<string, number>();
    for (const { headers } of sent()) {
      const key = /Credential=([^/]+)\//.exec(headers.authorization ?? '')?.[1] ?? '';
      const name = `${key} ${headers['x-amz-security-token'] ?? ''}`;
      found.set(name, (found.get(name) ?? 0) + 1);
    }
    return found;
  }

  it('each function’s role, in a session of its own that is asked for once', async () => {
    await start('--function-credentials', 'sts');
    await fail('one');
    await fail('two');
    const expected = [
      ['ASIAONE token of one', 2],
      ['ASIATWO token of two', 2],
    ];
    assert.deepEqual([...(await senders(4))].toSorted(), expected);
    // Its environments have their own: those, and one for all that is sent.
    const asked = sts.asked.filter(({ body }) => body.includes('RoleSessionName=one'));
    assert.equal(asked.length, 2);
  });

  it('none, when STS refuses the role: it is given up and said', async () => {
    await fail('closed');
    const giveUpAt = performance.now() + WAIT_MS_MAX;
    const said = () => server?.stderr() ?? '';
    while (!said().includes('is not delivered') && performance.now() < giveUpAt)
      await new Promise((resolve) => setTimeout(resolve, 20));
    assert.match(said(), /event \S+ is not delivered to \S+:\S+-closed: \S/);
    assert.equal((await senders(4)).size, 2);
  });

  it('the account, where functions have credentials of lambdad’s making', async () => {
    await start();
    await fail('plain');
    assert.deepEqual([...(await senders(2))], [[`${ACCOUNT} `, 2]]);
    assert.equal(sts.asked.length, 0);
  });
});
