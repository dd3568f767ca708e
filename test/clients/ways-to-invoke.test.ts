/** Every way to invoke, by each client that people use: one table for each. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import {
  InvokeAsyncCommand,
  InvokeCommand,
  InvokeWithResponseStreamCommand,
  type LambdaClient,
} from '@aws-sdk/client-lambda';
import { type Ledger, startLedger, tellingFunction } from '../async/ledger.ts';
import { streamingHandler } from '../streams/streamed.ts';
import { runClient } from '../support/client-process.ts';
import { createFunction } from '../support/functions.ts';
import { skipUnless } from '../support/requirement.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { createUrl } from '../urls/url-server.ts';

const python = process.env['PYTHON_WITH_BOTO3'] ?? 'python3';
const there = (command: string, ...args: string[]) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;
const withoutBoto3 = skipUnless(there(python, '-c', 'import boto3'), 'needs boto3 for python3, or PYTHON_WITH_BOTO3');
const withoutCurl = skipUnless(there('curl', '--version'), 'needs curl');

/** What a client is told for each way. Events are told by the function, with the word that they bring. */
const EXPECTED = {
  sync: '200 "done"',
  'dry run': '204 ',
  event: '202 ',
  'invoke async': '202 ',
  stream: '200 one two',
  url: '200 "done"',
  'url, streamed': '200 one two',
  'url, signed': '200 "done"',
  'url, not signed': '403 ',
} as const;

type Way = keyof typeof EXPECTED;

interface Urls {
  readonly open: string;
  readonly streamed: string;
  readonly signed: string;
}

const BOTO3 = `
import boto3, json, sys, urllib.error, urllib.request
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
urls = json.loads(sys.argv[1])
client = boto3.client('lambda')
told = {}
def say(way, status, body=b''):
    told[way] = f'{status} {body.decode()}'
def fetch(url, headers={}):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=dict(headers))) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, b''
def invoke(kind):
    answer = client.invoke(FunctionName='told', InvocationType=kind, Payload=b'{"by":"boto3"}')
    return answer['StatusCode'], answer['Payload'].read()
say('sync', *invoke('RequestResponse'))
say('dry run', *invoke('DryRun'))
say('event', *invoke('Event'))
say('invoke async', client.invoke_async(FunctionName='told', InvokeArgs=b'{"by":"boto3"}')['Status'])
answer = client.invoke_with_response_stream(FunctionName='streams', Payload=b'{}')
parts = [e['PayloadChunk']['Payload'] for e in answer['EventStream'] if 'PayloadChunk' in e]
say('stream', answer['StatusCode'], b''.join(parts))
say('url', *fetch(urls['open']))
say('url, streamed', *fetch(urls['streamed']))
request = AWSRequest('GET', urls['signed'])
SigV4Auth(boto3.Session().get_credentials(), 'lambda', 'us-east-1').add_auth(request)
say('url, signed', *fetch(urls['signed'], request.headers))
say('url, not signed', fetch(urls['signed'])[0])
print(json.dumps(told))
`;

describe('every way to invoke', { timeout: 120_000 }, () => {
  let ledger: Ledger;
  let server: TestServer;
  let client: LambdaClient;
  let urls: Urls;

  before(async () => {
    ledger = await startLedger();
    server = await startTestServer({ args: ['--sandbox', 'process'] });
    client = server.client();
    const source = streamingHandler("stream.write('one'); stream.end(' two');");
    await createFunction(client, 'told', { files: tellingFunction(ledger.url) });
    await createFunction(client, 'closed', { files: tellingFunction(ledger.url) });
    await createFunction(client, 'streams', { files: { 'index.js': source } });
    urls = {
      open: await createUrl(client, 'told'),
      streamed: await createUrl(client, 'streams', { InvokeMode: 'RESPONSE_STREAM' }),
      signed: await createUrl(client, 'closed', { AuthType: 'AWS_IAM' }),
    };
  });
  after(async () => {
    await server?.stop();
    await ledger?.close();
  });

  /** All ways but those that a client has none for; and the events that were sent were run. */
  async function check(by: string, told: Readonly<Record<string, string>>, without: readonly Way[] = []) {
    const expected = Object.entries(EXPECTED).filter(([way]) => !without.includes(way as Way));
    assert.deepEqual(told, Object.fromEntries(expected));
    const runs = () => ledger.entries.filter(({ event }) => (event as { by?: string }).by === by);
    // The synchronous one, and each event.
    const events = expected.filter(([way]) => way === 'event' || way === 'invoke async').length;
    await ledger.until(() => runs().length === events + 1);
  }

  it('of @aws-sdk, and fetch', async () => {
    const bytes = (payload: Uint8Array | undefined) => Buffer.from(payload ?? []).toString();
    const Payload = '{"by":"sdk"}';
    const invoke = async (InvocationType: 'RequestResponse' | 'DryRun' | 'Event') => {
      const answer = await client.send(new InvokeCommand({ FunctionName: 'told', InvocationType, Payload }));
      return `${answer.StatusCode} ${bytes(answer.Payload)}`;
    };
    const streamed = async () => {
      const { StatusCode, EventStream } = await client.send(
        new InvokeWithResponseStreamCommand({ FunctionName: 'streams' }),
      );
      let text = '';
      for await (const { PayloadChunk } of EventStream ?? []) text += bytes(PayloadChunk?.Payload);
      return `${StatusCode} ${text}`;
    };
    const get = async (url: string) => fetch(url).then(async (answer) => `${answer.status} ${await answer.text()}`);
    const { Status } = await client.send(new InvokeAsyncCommand({ FunctionName: 'told', InvokeArgs: Payload }));
    const told = {
      sync: await invoke('RequestResponse'),
      'dry run': await invoke('DryRun'),
      event: await invoke('Event'),
      'invoke async': `${Status} `,
      stream: await streamed(),
      url: await get(urls.open),
      'url, streamed': await get(urls.streamed),
      'url, not signed': (await get(urls.signed)).slice(0, 4),
    };
    await check('sdk', told, ['url, signed']);
  });

  it('of boto3, and its signature', { skip: withoutBoto3 }, async () => {
    const { stdout } = await runClient(python, ['-c', BOTO3, JSON.stringify(urls)], server);
    await check('boto3', JSON.parse(stdout));
  });

  it('of curl', { skip: withoutCurl }, async () => {
    const sign = ['--aws-sigv4', 'aws:amz:us-east-1:lambda', '--user', 'test:test'];
    const functions = `${server.url}/2015-03-31/functions`;
    const event = ['-d', '{"by":"curl"}', '-H', 'Content-Type: application/json'];
    const kind = (name: string) => ['-H', `X-Amz-Invocation-Type: ${name}`];
    const curl = async (...args: readonly string[]) => {
      const { stdout } = await runClient('curl', ['-sS', '-w', '\n%{http_code}', ...args], server);
      const at = stdout.lastIndexOf('\n');
      return `${stdout.slice(at + 1)} ${stdout.slice(0, at)}`;
    };
    const told = {
      sync: await curl(...sign, ...event, `${functions}/told/invocations`),
      'dry run': await curl(...sign, ...event, ...kind('DryRun'), `${functions}/told/invocations`),
      event: await curl(...sign, ...event, ...kind('Event'), `${functions}/told/invocations`),
      'invoke async': (await curl(...sign, ...event, `${server.url}/2014-11-13/functions/told/invoke-async`)).replace(
        /\{.*/s,
        '',
      ),
      url: await curl(urls.open),
      'url, streamed': await curl('-N', urls.streamed),
      'url, signed': await curl(...sign, urls.signed),
      'url, not signed': (await curl(urls.signed)).slice(0, 4),
    };
    await check('curl', told, ['stream']);
    const streaming = `${server.url}/2021-11-15/functions/streams/response-streaming-invocations`;
    const frames = await curl(...sign, ...event, streaming);
    assert.match(frames, /^200 .*PayloadChunk.*one.*two.*InvokeComplete/s);
  });
});
