/** A server with what the recorded refusals are about: functions, layers, mappings, and services around that refuse. */
import assert from 'node:assert/strict';
import { ZipFile } from 'yazl';
import { systemClock } from '../../src/base/clock.ts';
import { Concurrency } from '../../src/invoke/concurrency.ts';
import { InvokeMetrics } from '../../src/invoke/invoke-metrics.ts';
import type { Invoker, InvokeTarget } from '../../src/invoke/invoker.ts';
import type { OperationName } from '../../src/model/operations.gen.ts';
import { openNeighbours } from '../../src/neighbours/open-neighbours.ts';
import { operations } from '../../src/operations/all.ts';
import type { Services } from '../../src/operations/operation.ts';
import { PASSING_MS } from '../../src/sources/mapping-state.ts';
import {
  type Asked,
  ec2Error,
  jsonError,
  type Answer as Said,
  s3Error,
  startFakeService,
} from '../neighbours/fake-service.ts';
import { handlerZip, makeWorld } from '../support/function-world.ts';
import { type Stub, startTestServer } from './protocol-server.ts';
import { requestOf } from './request-of.ts';
import { type Refusal, sendWhenAsked } from './send-when-asked.ts';

export const ACCOUNT = '123456789012';
export const REGION = 'eu-central-1';
const ARN = `arn:aws:lambda:${REGION}:${ACCOUNT}`;
const SECRET = `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:broker-a1b2c3`;
/** A day on which every runtime that AWS was seen to refuse was closed, and none of those that it was seen to offer. */
const RECORDED_DAY_MS = Date.parse('2026-01-15');
const CONCURRENCY = 1000;
const VARIABLES_BYTES_MAX = 4096;
const TAGS_MAX = 50;
const ZIPPED_BYTES_MAX = 52_428_800;
const UNZIPPED_BYTES_MAX = 262_144_000;
const BODY_BYTES_MAX = 70_167_211;
const BOMB_FILES = 11;

type Input = Readonly<Record<string, unknown>>;

/** What stands in a recorded request for `@name`. */
export type Stock = Readonly<Record<string, unknown>>;

export interface RecordedWorld extends AsyncDisposable {
  readonly stock: Stock;
  /** What lambdad answers; undefined when it does what it was asked. */
  refusalOf(operation: string, input: Input): Promise<Refusal | undefined>;
}

/** Opens the server and puts everything in place, through its own API. */
export async function openRecordedWorld(): Promise<RecordedWorld> {
  const service = await startFakeService(answerAsService);
  const names = ['s3', 'ec2', 'sqs', 'kinesis', 'dynamodb-streams'] as const;
  const neighbours = openNeighbours({ endpoints: Object.fromEntries(names.map((name) => [name, service.url])) });
  const gate = Promise.withResolvers<void>();
  let isHeld = false;
  const preparation = { prepare: () => (isHeld ? gate.promise : Promise.resolve()) };
  const world = await makeWorld({ neighbours, preparation, startMs: RECORDED_DAY_MS });
  const services: Services = { ...world.services, invoker: limited(world.invoker) };
  const stubs = operations as unknown as Partial<Record<OperationName, Stub>>;
  const server = await startTestServer({ stubs, pipeline: { services } });
  const zip = (await handlerZip()).toString('base64');
  const defaults = defaultsOf(zip);

  const send = async (operation: string, input: Input) => {
    const request = requestOf(operation, { ...defaults[operation], ...input });
    assert.ok(request, `${operation}: ${JSON.stringify(input)} cannot be sent`);
    return await sendWhenAsked(server.port, request);
  };
  const make: Make = async (operation, input) => {
    const { refusal, output } = await send(operation, input);
    assert.equal(refusal, undefined, `${operation} ${JSON.stringify(input)}`);
    await world.activation.idle();
    return output;
  };
  const made = await furnish(make);
  world.clock.advance(PASSING_MS + 1);
  await make('CreateFunction', { FunctionName: 'busy' });
  isHeld = true;
  await send('UpdateFunctionCode', { FunctionName: 'busy', ZipFile: zip });
  return {
    stock: { ...made, ...(await largeStock()), basicAuth: BASIC_AUTH },
    refusalOf: async (operation, input) => (await send(operation, input)).refusal,
    async [Symbol.asyncDispose]() {
      gate.resolve();
      await server[Symbol.asyncDispose]();
      await world.close();
      await service[Symbol.asyncDispose]();
    },
  };
}

type Make = (operation: string, input: Input) => Promise<Input>;

const BASIC_AUTH = [{ Type: 'BASIC_AUTH', URI: SECRET }];

/** What a request says unless its recording says otherwise. */
function defaultsOf(zip: string): Readonly<Record<string, Input>> {
  return {
    CreateFunction: {
      FunctionName: 'new',
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: `arn:aws:iam::${ACCOUNT}:role/runner`,
      Code: { ZipFile: zip },
    },
    PublishLayerVersion: { LayerName: 'new', Content: { ZipFile: zip } },
    CreateEventSourceMapping: { FunctionName: 'f' },
  };
}

/** Everything that is asked about. Resolves with what only the server could name. */
async function furnish(make: Make): Promise<Stock> {
  for (const FunctionName of ['f', 'provisioned', 'reserved', 'shared', 'stopped'])
    await make('CreateFunction', { FunctionName, Publish: true });
  const other = (await handlerZip('exports.handler = async () => 2;')).toString('base64');
  for (const FunctionName of ['f', 'provisioned'])
    await make('UpdateFunctionCode', { FunctionName, ZipFile: other, Publish: true });
  const alias = (FunctionName: string, Name: string, FunctionVersion: string) =>
    make('CreateAlias', { FunctionName, Name, FunctionVersion });
  await alias('f', 'custom', '1');
  await alias('f', 'eventinvokealias', '1');
  await alias('f', 'edge', '$LATEST');
  await alias('provisioned', 'first', '1');
  await alias('provisioned', 'second', '2');
  for (const Qualifier of ['1', 'second'])
    await make('PutProvisionedConcurrencyConfig', {
      FunctionName: 'provisioned',
      Qualifier,
      ProvisionedConcurrentExecutions: 1,
    });
  await make('PutFunctionConcurrency', { FunctionName: 'reserved', ReservedConcurrentExecutions: 5 });
  await make('PutFunctionConcurrency', { FunctionName: 'stopped', ReservedConcurrentExecutions: 0 });
  await make('CreateFunctionUrlConfig', { FunctionName: 'f', AuthType: 'NONE' });
  const statement = { FunctionName: 'shared', StatementId: 's3', Principal: 's3.amazonaws.com' };
  await make('AddPermission', { ...statement, Action: 'lambda:InvokeFunction' });
  const layer = { LayerName: 'tools', VersionNumber: 1, StatementId: 's1', Principal: '*' };
  await make('PublishLayerVersion', { LayerName: 'tools' });
  await make('AddLayerVersionPermission', { ...layer, Action: 'lambda:GetLayerVersion' });
  const { CodeSha256 } = await make('GetFunctionConfiguration', { FunctionName: 'f' });
  return { ...(await makeMappings(make)), codeSha256: CodeSha256 };
}

async function makeMappings(make: Make): Promise<Stock> {
  const of = (service: string, resource: string) => `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`;
  const map = async (input: Input) => (await make('CreateEventSourceMapping', input))['UUID'];
  return {
    sqsMapping: await map({ EventSourceArn: of('sqs', 'orders') }),
    kinesisMapping: await map({ EventSourceArn: of('kinesis', 'stream/clicks'), StartingPosition: 'LATEST' }),
    dynamodbMapping: await map({
      EventSourceArn: of('dynamodb', 'table/users/stream/2025-02-22T03:03:25.490'),
      StartingPosition: 'LATEST',
    }),
    kafkaMapping: await map({
      SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: ['kafka:1000'] } },
      SourceAccessConfigurations: BASIC_AUTH,
      Topics: ['topic'],
    }),
  };
}

/** What is too large, each by one. */
async function largeStock(): Promise<Stock> {
  const zeros = Buffer.alloc(Math.ceil((UNZIPPED_BYTES_MAX + 1) / BOMB_FILES));
  const bomb = new ZipFile();
  for (let file = 0; file < BOMB_FILES; file++) bomb.addBuffer(zeros, `zeros-${file}`);
  bomb.end();
  const pieces: Buffer[] = [];
  for await (const piece of bomb.outputStream) pieces.push(piece as Buffer);
  return {
    bombZip: Buffer.concat(pieces).toString('base64'),
    largeValue: 'x'.repeat(VARIABLES_BYTES_MAX + 1),
    overlongBody: 'A'.repeat(BODY_BYTES_MAX + 1),
    overlongZip: Buffer.alloc(ZIPPED_BYTES_MAX + 1).toString('base64'),
    tooManyTags: Object.fromEntries(Array.from({ length: TAGS_MAX + 1 }, (_, index) => [`tag-${index}`, ''])),
    missingSigningConfig: `${ARN}:code-signing-config:csc-0123456789abcdef0`,
  };
}

/** An invoker that runs nothing: every request finds its slot or is refused. */
function limited(recording: Invoker): Invoker {
  const concurrency = new Concurrency({ limit: CONCURRENCY, clock: systemClock, metrics: new InvokeMetrics() });
  return new Proxy(recording, {
    get: (target, name) => {
      if (name === 'invoke')
        return async ({ account, region, version, reservedConcurrency: reserved }: InvokeTarget) => {
          const { functionName } = version;
          const use = concurrency.useOf(account, region, functionName);
          concurrency.take(use, { reserved, isProvisioned: false, provisioned: 0 });
          throw new Error('an invoke that should have been refused');
        };
      const own = Reflect.get(target, name);
      return typeof own === 'function' ? own.bind(target) : own;
    },
  });
}

/** S3, EC2, SQS, Kinesis and DynamoDB in one: there is everything but what is called missing. */
function answerAsService({ path, headers, body }: Asked): Said {
  const target = headers['x-amz-target'];
  if (typeof target === 'string') return answerJson(target, body);
  const form = new URLSearchParams(body);
  const action = form.get('Action');
  if (action === 'DescribeSecurityGroups')
    return ec2Error('InvalidGroup.NotFound', `The security group '${form.get('GroupId.1')}' does not exist`);
  if (action === 'DescribeSubnets' && form.get('SubnetId.1')?.includes('missing'))
    return ec2Error('InvalidSubnetID.NotFound', `The subnet ID '${form.get('SubnetId.1')}' does not exist`);
  if (action === 'DescribeSubnets')
    return {
      body: '<DescribeSubnetsResponse><subnetSet><item><vpcId>vpc-1</vpcId></item></subnetSet></DescribeSubnetsResponse>',
    };
  return path.startsWith('/missing')
    ? s3Error('NoSuchBucket', 'The specified bucket does not exist', 404)
    : s3Error('NoSuchKey', 'The specified key does not exist.', 404);
}

const SEEN_STREAMS = /test-table-4a53f4e8|test-foobar-81ded7e8/;

function answerJson(target: string, body: string): Said {
  if (target.endsWith('.GetQueueUrl') && body.includes('missing'))
    return jsonError('AWS.SimpleQueueService.NonExistentQueue', 'The specified queue does not exist.');
  if (SEEN_STREAMS.test(body)) return jsonError('ResourceNotFoundException', 'There is no such stream.');
  const said = { QueueUrl: 'http://127.0.0.1/queue', Attributes: { VisibilityTimeout: '30' } };
  return { headers: { 'content-type': 'application/x-amz-json-1.0' }, body: JSON.stringify(said) };
}
