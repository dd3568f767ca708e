import type { OperationName } from '../../src/model/operations.gen.ts';
import type { OperationInputs } from '../../src/model/types.gen.ts';

export const OWNER = '111111111111';
export const REGION = 'us-east-1';

const arn = (resource: string) => `arn:aws:lambda:${REGION}:${OWNER}:${resource}`;
const FunctionName = arn('function:f');
const LayerName = arn('layer:l');
const CodeSigningConfigArn = arn('code-signing-config:csc-0123456789abcdef0');
const CapacityProviderName = arn('capacity-provider:cp');
const DurableExecutionArn = arn('function:f:1/durable-execution/name/id');
const UUID = '11111111-2222-3333-4444-555555555555';
const Role = `arn:aws:iam::${OWNER}:role/r`;
const onFunction = { FunctionName };
const onVersion = { FunctionName, Qualifier: '1' };
const onAlias = { FunctionName, Qualifier: 'live' };
const onLayerVersion = { LayerName, VersionNumber: 1 };

/** A valid request for each operation, each about what OWNER has. */
export const inputs: OperationInputs = {
  AddLayerVersionPermission: {
    ...onLayerVersion,
    StatementId: 's',
    Action: 'lambda:GetLayerVersion',
    Principal: '*',
  },
  AddPermission: { ...onFunction, StatementId: 's', Action: 'lambda:InvokeFunction', Principal: 's3.amazonaws.com' },
  CheckpointDurableExecution: { DurableExecutionArn, CheckpointToken: 'dG9rZW4=' },
  CreateAlias: { ...onFunction, Name: 'live', FunctionVersion: '1' },
  CreateCapacityProvider: {
    CapacityProviderName,
    VpcConfig: { SubnetIds: ['subnet-1'], SecurityGroupIds: ['sg-1'] },
    PermissionsConfig: { CapacityProviderOperatorRoleArn: Role },
  },
  CreateCodeSigningConfig: {
    AllowedPublishers: {
      SigningProfileVersionArns: [`arn:aws:signer:${REGION}:${OWNER}:/signing-profiles/profile/abcdef0123`],
    },
  },
  CreateEventSourceMapping: { FunctionName, EventSourceArn: `arn:aws:sqs:${REGION}:${OWNER}:q` },
  CreateFunction: { FunctionName, Role, Code: { ZipFile: Buffer.from('zip') }, Runtime: 'nodejs24.x', Handler: 'i.h' },
  CreateFunctionUrlConfig: { ...onFunction, AuthType: 'NONE' },
  DeleteAlias: { ...onFunction, Name: 'live' },
  DeleteCapacityProvider: { CapacityProviderName },
  DeleteCodeSigningConfig: { CodeSigningConfigArn },
  DeleteEventSourceMapping: { UUID },
  DeleteFunction: onFunction,
  DeleteFunctionCodeSigningConfig: onFunction,
  DeleteFunctionConcurrency: onFunction,
  DeleteFunctionEventInvokeConfig: onFunction,
  DeleteFunctionUrlConfig: onFunction,
  DeleteLayerVersion: onLayerVersion,
  DeleteProvisionedConcurrencyConfig: onVersion,
  DeleteResourcePolicy: { ResourceArn: FunctionName },
  GetAccountSettings: {},
  GetAlias: { ...onFunction, Name: 'live' },
  GetCapacityProvider: { CapacityProviderName },
  GetCodeSigningConfig: { CodeSigningConfigArn },
  GetDurableExecution: { DurableExecutionArn },
  GetDurableExecutionHistory: { DurableExecutionArn },
  GetDurableExecutionState: { DurableExecutionArn, CheckpointToken: 'dG9rZW4=' },
  GetEventSourceMapping: { UUID },
  GetFunction: onFunction,
  GetFunctionCodeSigningConfig: onFunction,
  GetFunctionConcurrency: onFunction,
  GetFunctionConfiguration: onFunction,
  GetFunctionEventInvokeConfig: onFunction,
  GetFunctionRecursionConfig: onFunction,
  GetFunctionScalingConfig: onVersion,
  GetFunctionUrlConfig: onAlias,
  GetLayerVersion: onLayerVersion,
  GetLayerVersionByArn: { Arn: `${LayerName}:1` },
  GetLayerVersionPolicy: onLayerVersion,
  GetPolicy: onFunction,
  GetProvisionedConcurrencyConfig: onVersion,
  GetResourcePolicy: { ResourceArn: FunctionName },
  GetRuntimeManagementConfig: onFunction,
  Invoke: onFunction,
  InvokeAsync: { FunctionName, InvokeArgs: Buffer.from('{}') },
  InvokeWithResponseStream: onFunction,
  ListAliases: onFunction,
  ListCapacityProviders: {},
  ListCodeSigningConfigs: {},
  ListDurableExecutionsByFunction: onFunction,
  ListEventSourceMappings: {},
  ListFunctionEventInvokeConfigs: onFunction,
  ListFunctionUrlConfigs: onFunction,
  ListFunctionVersionsByCapacityProvider: { CapacityProviderName },
  ListFunctions: {},
  ListFunctionsByCodeSigningConfig: { CodeSigningConfigArn },
  ListLayerVersions: { LayerName },
  ListLayers: {},
  ListProvisionedConcurrencyConfigs: onFunction,
  ListTags: { Resource: FunctionName },
  ListVersionsByFunction: onFunction,
  PublishLayerVersion: { LayerName, Content: { ZipFile: Buffer.from('zip') } },
  PublishVersion: onFunction,
  PutFunctionCodeSigningConfig: { FunctionName, CodeSigningConfigArn },
  PutFunctionConcurrency: { FunctionName, ReservedConcurrentExecutions: 1 },
  PutFunctionEventInvokeConfig: { FunctionName, MaximumRetryAttempts: 1 },
  PutFunctionRecursionConfig: { FunctionName, RecursiveLoop: 'Allow' },
  PutFunctionScalingConfig: { ...onVersion, FunctionScalingConfig: {} },
  PutProvisionedConcurrencyConfig: { ...onVersion, ProvisionedConcurrentExecutions: 1 },
  PutResourcePolicy: { ResourceArn: FunctionName, Policy: '{}' },
  PutRuntimeManagementConfig: { FunctionName, UpdateRuntimeOn: 'Auto' },
  RemoveLayerVersionPermission: { ...onLayerVersion, StatementId: 's' },
  RemovePermission: { FunctionName, StatementId: 's' },
  SendDurableExecutionCallbackFailure: { CallbackId: 'YWJj' },
  SendDurableExecutionCallbackHeartbeat: { CallbackId: 'YWJj' },
  SendDurableExecutionCallbackSuccess: { CallbackId: 'YWJj' },
  StopDurableExecution: { DurableExecutionArn },
  TagResource: { Resource: FunctionName, Tags: { team: 'red' } },
  UntagResource: { Resource: FunctionName, TagKeys: ['team'] },
  UpdateAlias: { ...onFunction, Name: 'live' },
  UpdateCapacityProvider: { CapacityProviderName },
  UpdateCodeSigningConfig: { CodeSigningConfigArn },
  UpdateEventSourceMapping: { UUID },
  UpdateFunctionCode: { FunctionName, ZipFile: Buffer.from('zip') },
  UpdateFunctionConfiguration: onFunction,
  UpdateFunctionEventInvokeConfig: onFunction,
  UpdateFunctionUrlConfig: onFunction,
};

/** Operations whose action has another name. */
const actions: Partial<Record<OperationName, string>> = {
  GetLayerVersionByArn: 'GetLayerVersion',
  Invoke: 'InvokeFunction',
  InvokeAsync: 'InvokeFunction',
  InvokeWithResponseStream: 'InvokeFunction',
};

export function actionOf(name: OperationName): string {
  return `lambda:${actions[name] ?? name}`;
}

/** What a refusal of the request above names, where that is not the ARN that the request has. */
export const resources: Partial<Record<OperationName, string>> = {
  AddLayerVersionPermission: `${LayerName}:1`,
  CreateCodeSigningConfig: '*',
  CreateEventSourceMapping: '*',
  DeleteLayerVersion: `${LayerName}:1`,
  DeleteProvisionedConcurrencyConfig: `${FunctionName}:1`,
  GetAccountSettings: '*',
  GetFunctionScalingConfig: `${FunctionName}:1`,
  GetFunctionUrlConfig: `${FunctionName}:live`,
  GetLayerVersion: `${LayerName}:1`,
  GetLayerVersionPolicy: `${LayerName}:1`,
  GetProvisionedConcurrencyConfig: `${FunctionName}:1`,
  ListCapacityProviders: '*',
  ListCodeSigningConfigs: '*',
  ListEventSourceMappings: '*',
  ListFunctions: '*',
  ListLayers: '*',
  PutFunctionScalingConfig: `${FunctionName}:1`,
  PutProvisionedConcurrencyConfig: `${FunctionName}:1`,
  RemoveLayerVersionPermission: `${LayerName}:1`,
  SendDurableExecutionCallbackFailure: '*',
  SendDurableExecutionCallbackHeartbeat: '*',
  SendDurableExecutionCallbackSuccess: '*',
};

/** Operations on mappings name them by UUID, which is looked for in the account of the caller. */
export const byUuid: readonly OperationName[] = [
  'DeleteEventSourceMapping',
  'GetEventSourceMapping',
  'UpdateEventSourceMapping',
];

/** What a refusal of the request of `inputs` names. */
export function resourceOf(name: OperationName, account: string): string {
  if (byUuid.includes(name)) return `arn:aws:lambda:${REGION}:${account}:event-source-mapping:${UUID}`;
  const special = resources[name];
  if (special !== undefined) return special;
  const input = inputs[name] as Readonly<Record<string, unknown>>;
  const members = [
    'FunctionName',
    'LayerName',
    'CodeSigningConfigArn',
    'CapacityProviderName',
    'DurableExecutionArn',
    'ResourceArn',
    'Resource',
    'Arn',
  ];
  return String(members.map((member) => input[member]).find((value) => value !== undefined));
}
