/**
 * Every operation that writes, as data: what is there before it, and what it is asked. crash.test.ts and its like run
 * whatever stands here; an operation that is added to src/operations/all.ts adds its line here.
 */
import type { OperationName } from '../../src/model/operations.gen.ts';
import type { OperationInputs, OperationOutputs } from '../../src/model/types.gen.ts';
import { zipOf } from '../support/zip.ts';

/** Runs one operation, and waits until nothing is left in progress behind it. */
export type Caller = <Name extends OperationName>(
  name: Name,
  input: OperationInputs[Name],
) => Promise<OperationOutputs[Name]>;

export interface Write<Name extends OperationName = OperationName> {
  readonly operation: Name;
  /** Tells entries of one operation apart. */
  readonly title?: string;
  /** Makes what the operation needs, and returns its input. */
  readonly prepare: (call: Caller, account: string) => Promise<OperationInputs[Name]>;
}

export const REGION = 'us-east-1';
const ROLE = 'arn:aws:iam::000000000000:role/test';
const NAME = 'f';
const SIGNER = `arn:aws:signer:${REGION}:000000000000:/signing-profiles/profile/AbCdEfGhIj`;

const zip = (text = '1') => zipOf({ 'index.mjs': `export const handler = async () => ${text};\n` });

async function newFunction(): Promise<OperationInputs['CreateFunction']> {
  const code = { Runtime: 'nodejs24.x', Handler: 'index.handler', Code: { ZipFile: await zip() } } as const;
  return { FunctionName: NAME, Role: ROLE, ...code };
}

async function made(call: Caller, more: Partial<OperationInputs['CreateFunction']> = {}): Promise<void> {
  await call('CreateFunction', { ...(await newFunction()), ...more });
}

/** A function with a version, and an alias to it. */
async function published(call: Caller): Promise<void> {
  await made(call, { Publish: true });
  await call('CreateAlias', { FunctionName: NAME, Name: 'live', FunctionVersion: '1' });
}

async function layer(call: Caller): Promise<void> {
  await call('PublishLayerVersion', { LayerName: 'l', Content: { ZipFile: await zip() } });
}

const functionArn = (account: string) => `arn:aws:lambda:${REGION}:${account}:function:${NAME}`;
const queueArn = (account: string) => `arn:aws:sqs:${REGION}:${account}:q`;
const statement = { StatementId: 's', Action: 'lambda:InvokeFunction', Principal: 's3.amazonaws.com' } as const;
const allowed = { AllowedPublishers: { SigningProfileVersionArns: [SIGNER] } };

function write<Name extends OperationName>(operation: Name, prepare: Write<Name>['prepare'], title?: string): Write {
  return { operation, prepare, ...(title === undefined ? {} : { title }) } as Write;
}

/** A write to a function that is there, or to one with a version and an alias. */
function onFunction<Name extends OperationName>(
  operation: Name,
  input: Omit<OperationInputs[Name], 'FunctionName'>,
  setUp: (call: Caller) => Promise<unknown> = made,
  title?: string,
): Write {
  const prepare = async (call: Caller) => {
    await setUp(call);
    return { FunctionName: NAME, ...input } as OperationInputs[Name];
  };
  return write(operation, prepare, title);
}

async function signing(call: Caller): Promise<string> {
  const { CodeSigningConfig } = await call('CreateCodeSigningConfig', allowed);
  return CodeSigningConfig?.CodeSigningConfigArn ?? '';
}

async function mapping(call: Caller, account: string): Promise<string> {
  await made(call);
  const made_ = await call('CreateEventSourceMapping', { FunctionName: NAME, EventSourceArn: queueArn(account) });
  return made_.UUID ?? '';
}

/** Everything that can be kept for a function or a qualifier of it. */
async function loaded(call: Caller): Promise<void> {
  await published(call);
  await call('AddPermission', { FunctionName: NAME, ...statement });
  await call('AddPermission', { FunctionName: NAME, ...statement, Qualifier: 'live' });
  await call('PutFunctionEventInvokeConfig', { FunctionName: NAME, Qualifier: '1', MaximumRetryAttempts: 1 });
  await call('CreateFunctionUrlConfig', { FunctionName: NAME, AuthType: 'NONE' });
  await call('PutRuntimeManagementConfig', { FunctionName: NAME, UpdateRuntimeOn: 'FunctionUpdate' });
}

export const writes: readonly Write[] = [
  write('CreateFunction', newFunction),
  write('CreateFunction', async () => ({ ...(await newFunction()), Publish: true, Tags: { a: 'b' } }), 'published'),
  onFunction('UpdateFunctionCode', { ZipFile: await zip('2') }),
  onFunction('UpdateFunctionCode', { ZipFile: await zip('2'), Publish: true }, published, 'published'),
  onFunction('UpdateFunctionConfiguration', { MemorySize: 256, Environment: { Variables: { AB: 'c' } } }),
  onFunction('PublishVersion', { Description: 'first' }),
  onFunction('DeleteFunction', {}, loaded),
  onFunction('DeleteFunction', { Qualifier: '1' }, (call) => made(call, { Publish: true }), 'a version'),
  onFunction('CreateAlias', { Name: 'live', FunctionVersion: '1' }, (call) => made(call, { Publish: true })),
  onFunction('UpdateAlias', { Name: 'live', Description: 'changed' }, published),
  onFunction('DeleteAlias', { Name: 'live' }, loaded),
  onFunction('PutFunctionConcurrency', { ReservedConcurrentExecutions: 5 }),
  onFunction('DeleteFunctionConcurrency', {}, async (call) => {
    await made(call);
    await call('PutFunctionConcurrency', { FunctionName: NAME, ReservedConcurrentExecutions: 5 });
  }),
  write('TagResource', async (call, account) => {
    await made(call);
    return { Resource: functionArn(account), Tags: { a: 'b' } };
  }),
  write('UntagResource', async (call, account) => {
    await made(call, { Tags: { a: 'b', c: 'd' } });
    return { Resource: functionArn(account), TagKeys: ['a'] };
  }),
  write('PublishLayerVersion', async (call) => {
    await layer(call);
    return { LayerName: 'l', Content: { ZipFile: await zip('2') } };
  }),
  write('DeleteLayerVersion', async (call) => {
    await layer(call);
    return { LayerName: 'l', VersionNumber: 1 };
  }),
  write('AddLayerVersionPermission', async (call) => {
    await layer(call);
    const permission = { StatementId: 's', Action: 'lambda:GetLayerVersion', Principal: '*' };
    return { LayerName: 'l', VersionNumber: 1, ...permission };
  }),
  write('RemoveLayerVersionPermission', async (call) => {
    await layer(call);
    const version = { LayerName: 'l', VersionNumber: 1, StatementId: 's' };
    await call('AddLayerVersionPermission', { ...version, Action: 'lambda:GetLayerVersion', Principal: '*' });
    return version;
  }),
  onFunction('AddPermission', statement),
  onFunction('RemovePermission', { StatementId: 's' }, loaded),
  write('PutResourcePolicy', async (call, account) => {
    await made(call);
    const Resource = functionArn(account);
    const Statement = {
      Sid: 's',
      Effect: 'Allow',
      Principal: { AWS: '111111111111' },
      Action: 'lambda:InvokeFunction',
    };
    const policy = { Version: '2012-10-17', Statement: [{ ...Statement, Resource }] };
    return { ResourceArn: Resource, Policy: JSON.stringify(policy) };
  }),
  write('DeleteResourcePolicy', async (call, account) => {
    await loaded(call);
    return { ResourceArn: functionArn(account) };
  }),
  onFunction('PutFunctionEventInvokeConfig', { MaximumRetryAttempts: 1 }),
  onFunction('UpdateFunctionEventInvokeConfig', { Qualifier: '1', MaximumRetryAttempts: 2 }, loaded),
  onFunction('DeleteFunctionEventInvokeConfig', { Qualifier: '1' }, loaded),
  onFunction('CreateFunctionUrlConfig', { AuthType: 'NONE' }),
  onFunction('UpdateFunctionUrlConfig', { AuthType: 'AWS_IAM' }, loaded),
  onFunction('DeleteFunctionUrlConfig', {}, loaded),
  onFunction('PutRuntimeManagementConfig', { UpdateRuntimeOn: 'FunctionUpdate' }),
  onFunction('PutFunctionRecursionConfig', { RecursiveLoop: 'Allow' }),
  onFunction('PutProvisionedConcurrencyConfig', { Qualifier: 'live', ProvisionedConcurrentExecutions: 1 }, published),
  onFunction('DeleteProvisionedConcurrencyConfig', { Qualifier: 'live' }, async (call) => {
    await published(call);
    const target = { FunctionName: NAME, Qualifier: 'live' };
    await call('PutProvisionedConcurrencyConfig', { ...target, ProvisionedConcurrentExecutions: 1 });
  }),
  write('CreateCodeSigningConfig', async () => allowed),
  write('UpdateCodeSigningConfig', async (call) => ({
    CodeSigningConfigArn: await signing(call),
    Description: 'changed',
  })),
  write('DeleteCodeSigningConfig', async (call) => ({ CodeSigningConfigArn: await signing(call) })),
  write('PutFunctionCodeSigningConfig', async (call) => {
    await made(call);
    return { FunctionName: NAME, CodeSigningConfigArn: await signing(call) };
  }),
  write('DeleteFunctionCodeSigningConfig', async (call) => {
    await made(call);
    await call('PutFunctionCodeSigningConfig', { FunctionName: NAME, CodeSigningConfigArn: await signing(call) });
    return { FunctionName: NAME };
  }),
  write('CreateEventSourceMapping', async (call, account) => {
    await made(call);
    return { FunctionName: NAME, EventSourceArn: queueArn(account) };
  }),
  write('UpdateEventSourceMapping', async (call, account) => ({ UUID: await mapping(call, account), BatchSize: 5 })),
  write('DeleteEventSourceMapping', async (call, account) => ({ UUID: await mapping(call, account) })),
];

/** Operations whose names say that they write, and that have nothing to write: what they name can never exist here. */
export const writesNothing: ReadonlySet<OperationName> = new Set([
  'CreateCapacityProvider',
  'UpdateCapacityProvider',
  'DeleteCapacityProvider',
  'PutFunctionScalingConfig',
]);
