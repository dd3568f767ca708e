/**
 * What each operation asks of the policies: the IAM actions, the resources they are done to, and the condition keys
 * that the request brings. Source: the service authorization reference of AWS Lambda, and refusals seen from AWS.
 *
 * Deliberate differences from AWS: iam:PassRole is asked for the role of a function, whose credentials its code gets,
 * and not for those of capacity providers, which get none; lambda:VpcIds is never there, because only EC2 knows the VPC
 * of a subnet; a callback of a durable execution is asked for on `*`, because its id does not show which execution it
 * belongs to.
 */

import { readReference } from '../functions/function-name.ts';
import { functionKey } from '../functions/keys.ts';
import type { OperationName } from '../model/operations.gen.ts';
import type { OperationInputs, VpcConfig } from '../model/types.gen.ts';
import type { RecordKey } from '../store/metadata.ts';
import type { Namespace } from '../store/namespace.ts';
import {
  type AccessResource,
  anyResource,
  type ConditionKeys,
  capacityProviderResource,
  codeSigningResource,
  executionResource,
  functionResource,
  layerResource,
  layerVersionByArn,
  layerVersionResource,
  mappingResource,
  newResource,
  permissionResource,
  requestTags,
  taggedResource,
  urlResource,
  wholeFunctionResource,
} from './access-resource.ts';

/** One thing that a request needs to be allowed. */
export interface Demand {
  /** `lambda:GetFunction` */
  readonly action: string;
  readonly resource: AccessResource;
  readonly keys?: ConditionKeys;
  /** A layer version that this function has already is its own: its policy is not asked again. */
  readonly unlessUsedBy?: RecordKey;
}

/** All of the demands must be allowed. The first is the operation's own: its resource's owner is where it runs. */
type Demands<Name extends OperationName> = (
  here: Namespace,
  input: OperationInputs[Name],
) => readonly [Demand, ...Demand[]];

/** An operation that is missing here does not compile. */
export const accessTable: { readonly [Name in OperationName]: Demands<Name> } = {
  AddLayerVersionPermission: onLayerVersion('AddLayerVersionPermission'),
  AddPermission: (here, input) => {
    const keys = {
      'lambda:principal': [input.Principal],
      'lambda:functionurlauthtype': optional(input.FunctionUrlAuthType),
    };
    return [demand('AddPermission', functionResource(here, input.FunctionName, input.Qualifier), keys)];
  },
  CheckpointDurableExecution: onExecution('CheckpointDurableExecution'),
  CreateAlias: onFunction('CreateAlias'),
  CreateCapacityProvider: (here, input) => {
    const resource = capacityProviderResource(here, input.CapacityProviderName);
    return withTags(demand('CreateCapacityProvider', resource), resource, input.Tags);
  },
  CreateCodeSigningConfig: (here, input) =>
    withTags(
      demand('CreateCodeSigningConfig', anyResource(here)),
      newResource(here, 'code-signing-config'),
      input.Tags,
    ),
  CreateEventSourceMapping: (here, input) =>
    withTags(
      demand('CreateEventSourceMapping', anyResource(here), mappedFunction(here, input.FunctionName)),
      newResource(here, 'event-source-mapping'),
      input.Tags,
    ),
  CreateFunction: (here, input) => {
    const resource = functionResource(here, input.FunctionName);
    const keys = { ...settingsKeys(input), 'lambda:codesigningconfigarn': optional(input.CodeSigningConfigArn) };
    return [
      ...withTags(demand('CreateFunction', resource, keys), resource, input.Tags),
      ...layers(here, input.Layers),
      ...passRole(resource, input.Role),
    ];
  },
  CreateFunctionUrlConfig: onUrl('CreateFunctionUrlConfig'),
  DeleteAlias: onFunction('DeleteAlias'),
  DeleteCapacityProvider: onCapacityProvider('DeleteCapacityProvider'),
  DeleteCodeSigningConfig: onCodeSigningConfig('DeleteCodeSigningConfig'),
  DeleteEventSourceMapping: onMapping('DeleteEventSourceMapping'),
  DeleteFunction: onQualified('DeleteFunction'),
  DeleteFunctionCodeSigningConfig: onFunction('DeleteFunctionCodeSigningConfig'),
  DeleteFunctionConcurrency: onFunction('DeleteFunctionConcurrency'),
  DeleteFunctionEventInvokeConfig: onQualified('DeleteFunctionEventInvokeConfig'),
  DeleteFunctionUrlConfig: onUrl('DeleteFunctionUrlConfig'),
  DeleteLayerVersion: onLayerVersion('DeleteLayerVersion'),
  DeleteProvisionedConcurrencyConfig: onQualified('DeleteProvisionedConcurrencyConfig'),
  DeleteResourcePolicy: onPolicy('DeleteResourcePolicy'),
  GetAccountSettings: onNothing('GetAccountSettings'),
  GetAlias: onFunction('GetAlias'),
  GetCapacityProvider: onCapacityProvider('GetCapacityProvider'),
  GetCodeSigningConfig: onCodeSigningConfig('GetCodeSigningConfig'),
  GetDurableExecution: onExecution('GetDurableExecution'),
  GetDurableExecutionHistory: onExecution('GetDurableExecutionHistory'),
  GetDurableExecutionState: onExecution('GetDurableExecutionState'),
  GetEventSourceMapping: onMapping('GetEventSourceMapping'),
  GetFunction: onQualified('GetFunction'),
  GetFunctionCodeSigningConfig: onFunction('GetFunctionCodeSigningConfig'),
  GetFunctionConcurrency: onFunction('GetFunctionConcurrency'),
  GetFunctionConfiguration: onQualified('GetFunctionConfiguration'),
  GetFunctionEventInvokeConfig: onQualified('GetFunctionEventInvokeConfig'),
  GetFunctionRecursionConfig: onFunction('GetFunctionRecursionConfig'),
  GetFunctionScalingConfig: onQualified('GetFunctionScalingConfig'),
  GetFunctionUrlConfig: onUrl('GetFunctionUrlConfig'),
  GetLayerVersion: onLayerVersion('GetLayerVersion'),
  GetLayerVersionByArn: (here, { Arn: arn }) => [demand('GetLayerVersion', layerVersionByArn(here, arn))],
  GetLayerVersionPolicy: onLayerVersion('GetLayerVersionPolicy'),
  GetPolicy: onQualified('GetPolicy'),
  GetProvisionedConcurrencyConfig: onQualified('GetProvisionedConcurrencyConfig'),
  GetResourcePolicy: onPolicy('GetResourcePolicy'),
  GetRuntimeManagementConfig: onQualified('GetRuntimeManagementConfig'),
  Invoke: onInvoke(),
  InvokeAsync: onInvoke(),
  InvokeWithResponseStream: onInvoke(),
  ListAliases: onFunction('ListAliases'),
  ListCapacityProviders: onNothing('ListCapacityProviders'),
  ListCodeSigningConfigs: onNothing('ListCodeSigningConfigs'),
  ListDurableExecutionsByFunction: onQualified('ListDurableExecutionsByFunction'),
  ListEventSourceMappings: onNothing('ListEventSourceMappings'),
  ListFunctionEventInvokeConfigs: onWholeFunction('ListFunctionEventInvokeConfigs'),
  ListFunctionUrlConfigs: onWholeFunction('ListFunctionUrlConfigs'),
  ListFunctionVersionsByCapacityProvider: onCapacityProvider('ListFunctionVersionsByCapacityProvider'),
  ListFunctions: onNothing('ListFunctions'),
  ListFunctionsByCodeSigningConfig: onCodeSigningConfig('ListFunctionsByCodeSigningConfig'),
  // Refusals seen from AWS name the layer, whatever the service authorization reference says.
  ListLayerVersions: onLayer('ListLayerVersions'),
  ListLayers: onNothing('ListLayers'),
  ListProvisionedConcurrencyConfigs: onFunction('ListProvisionedConcurrencyConfigs'),
  ListTags: onTagged('ListTags'),
  ListVersionsByFunction: onFunction('ListVersionsByFunction'),
  PublishLayerVersion: onLayer('PublishLayerVersion'),
  PublishVersion: onFunction('PublishVersion'),
  PutFunctionCodeSigningConfig: (here, input) => {
    const { FunctionName: name, CodeSigningConfigArn: arn } = input;
    const keys = { 'lambda:codesigningconfigarn': [arn] };
    return [
      demand('PutFunctionCodeSigningConfig', functionResource(here, name), keys),
      demand('PutFunctionCodeSigningConfig', codeSigningResource(here, arn), keys),
    ];
  },
  PutFunctionConcurrency: onFunction('PutFunctionConcurrency'),
  PutFunctionEventInvokeConfig: onQualified('PutFunctionEventInvokeConfig'),
  PutFunctionRecursionConfig: onFunction('PutFunctionRecursionConfig'),
  PutFunctionScalingConfig: onQualified('PutFunctionScalingConfig'),
  PutProvisionedConcurrencyConfig: onQualified('PutProvisionedConcurrencyConfig'),
  PutResourcePolicy: onPolicy('PutResourcePolicy'),
  PutRuntimeManagementConfig: onQualified('PutRuntimeManagementConfig'),
  RemoveLayerVersionPermission: onLayerVersion('RemoveLayerVersionPermission'),
  RemovePermission: (here, input) => [
    demand('RemovePermission', permissionResource(here, input.FunctionName, input.StatementId, input.Qualifier)),
  ],
  SendDurableExecutionCallbackFailure: onNothing('SendDurableExecutionCallbackFailure'),
  SendDurableExecutionCallbackHeartbeat: onNothing('SendDurableExecutionCallbackHeartbeat'),
  SendDurableExecutionCallbackSuccess: onNothing('SendDurableExecutionCallbackSuccess'),
  StopDurableExecution: onExecution('StopDurableExecution'),
  TagResource: (here, input) => [demand('TagResource', taggedResource(here, input.Resource), requestTags(input.Tags))],
  UntagResource: (here, input) => [
    demand('UntagResource', taggedResource(here, input.Resource), { 'aws:tagkeys': input.TagKeys }),
  ],
  UpdateAlias: onFunction('UpdateAlias'),
  UpdateCapacityProvider: onCapacityProvider('UpdateCapacityProvider'),
  UpdateCodeSigningConfig: onCodeSigningConfig('UpdateCodeSigningConfig'),
  UpdateEventSourceMapping: (here, { UUID: uuid, FunctionName: next }) => {
    // Who may change the mappings of one function may neither take one from another nor give one to another.
    const present = demand('UpdateEventSourceMapping', mappingResource(here, uuid));
    return next === undefined ? [present] : [present, { ...present, keys: mappedFunction(here, next) }];
  },
  UpdateFunctionCode: onFunction('UpdateFunctionCode'),
  UpdateFunctionConfiguration: (here, input) => {
    const resource = functionResource(here, input.FunctionName);
    const name = readReference(input.FunctionName)?.name ?? input.FunctionName;
    return [
      demand('UpdateFunctionConfiguration', resource, settingsKeys(input)),
      ...layers(here, input.Layers, functionKey(resource.owner, name)),
      ...passRole(resource, input.Role),
    ];
  },
  UpdateFunctionEventInvokeConfig: onQualified('UpdateFunctionEventInvokeConfig'),
  UpdateFunctionUrlConfig: onUrl('UpdateFunctionUrlConfig'),
};

/** What GetFunction asks beside its own demand: who may not list the tags gets the function without them. */
export function tagsDemand(here: Namespace, functionName: string): Demand {
  const name = readReference(functionName)?.name ?? functionName;
  return demand('ListTags', functionResource(here, name));
}

function demand(operation: string, resource: AccessResource, keys?: ConditionKeys): Demand {
  return { action: `lambda:${operation}`, resource, ...(keys === undefined ? {} : { keys }) };
}

/** Operations without a resource: their policies say `"Resource": "*"`. */
function onNothing(action: string) {
  return (here: Namespace): [Demand] => [demand(action, anyResource(here))];
}

/** On a function as a whole. */
function onFunction(action: string) {
  return (here: Namespace, { FunctionName: name }: { readonly FunctionName: string }): [Demand] => [
    demand(action, functionResource(here, name)),
  ];
}

/** On a function as a whole, whatever qualifier stands behind its name: it is not looked at. */
function onWholeFunction(action: string) {
  return (here: Namespace, { FunctionName: name }: { readonly FunctionName: string }): [Demand] => [
    demand(action, wholeFunctionResource(here, name)),
  ];
}

interface Qualified {
  readonly FunctionName: string;
  readonly Qualifier?: string | undefined;
}

/** On a function, or on the version or alias that the request names. */
function onQualified(action: string) {
  return (here: Namespace, { FunctionName: name, Qualifier: qualifier }: Qualified): [Demand] => [
    demand(action, functionResource(here, name, qualifier)),
  ];
}

/** Every way to invoke asks for the same action. What comes through a function URL is judged where URLs are served. */
function onInvoke() {
  return (here: Namespace, { FunctionName: name, Qualifier: qualifier }: Qualified): [Demand] => [
    demand('InvokeFunction', functionResource(here, name, qualifier), { 'lambda:invokedviafunctionurl': ['false'] }),
  ];
}

function onUrl(action: string) {
  return (here: Namespace, input: Qualified & { readonly AuthType?: string | undefined }): [Demand] => {
    const resource = urlResource(here, input.FunctionName, input.Qualifier);
    // What the request sets stands before what is there.
    return [demand(action, resource, { 'lambda:functionurlauthtype': optional(input.AuthType) })];
  };
}

function onPolicy(action: string) {
  return (here: Namespace, { ResourceArn: arn }: { readonly ResourceArn: string }): [Demand] => [
    demand(action, functionResource(here, arn)),
  ];
}

function onLayer(action: string) {
  return (here: Namespace, { LayerName: name }: { readonly LayerName: string }): [Demand] => [
    demand(action, layerResource(here, name)),
  ];
}

function onLayerVersion(action: string) {
  return (
    here: Namespace,
    { LayerName: name, VersionNumber: version }: { readonly LayerName: string; readonly VersionNumber: number },
  ): [Demand] => [demand(action, layerVersionResource(here, name, version))];
}

function onMapping(action: string) {
  return (here: Namespace, { UUID: uuid }: { readonly UUID: string }): [Demand] => [
    demand(action, mappingResource(here, uuid)),
  ];
}

function onCodeSigningConfig(action: string) {
  return (here: Namespace, { CodeSigningConfigArn: arn }: { readonly CodeSigningConfigArn: string }): [Demand] => [
    demand(action, codeSigningResource(here, arn)),
  ];
}

function onCapacityProvider(action: string) {
  return (here: Namespace, { CapacityProviderName: name }: { readonly CapacityProviderName: string }): [Demand] => [
    demand(action, capacityProviderResource(here, name)),
  ];
}

function onExecution(action: string) {
  return (here: Namespace, { DurableExecutionArn: arn }: { readonly DurableExecutionArn: string }): [Demand] => [
    demand(action, executionResource(here, arn)),
  ];
}

function onTagged(action: string) {
  return (here: Namespace, { Resource: arn }: { readonly Resource: string }): [Demand] => [
    demand(action, taggedResource(here, arn)),
  ];
}

type Tags = Readonly<Record<string, string>> | undefined;

/** Making something with tags asks for lambda:TagResource too. */
function withTags(own: Demand, resource: AccessResource, tags: Tags): [Demand, ...Demand[]] {
  if (tags === undefined || Object.keys(tags).length === 0) return [own];
  const keys = requestTags(tags);
  return [{ ...own, keys: { ...own.keys, ...keys } }, demand('TagResource', resource, keys)];
}

/** A function may have the layer versions that its maker may get. */
function layers(here: Namespace, arns: readonly string[] | undefined, unlessUsedBy?: RecordKey): readonly Demand[] {
  return (arns ?? []).map((arn) => ({
    ...demand('GetLayerVersion', layerVersionByArn(here, arn)),
    ...(unlessUsedBy === undefined ? {} : { unlessUsedBy }),
  }));
}

/**
 * A function may have the roles that its maker may pass, in the function's own account: a role has no policy that would
 * let others pass it.
 */
function passRole({ owner }: AccessResource, arn: string | undefined): readonly Demand[] {
  if (arn === undefined) return [];
  return [
    { action: 'iam:PassRole', resource: { arn, owner }, keys: { 'iam:passedtoservice': ['lambda.amazonaws.com'] } },
  ];
}

interface ConditionedSettings {
  readonly Layers?: readonly string[] | undefined;
  readonly VpcConfig?: VpcConfig | undefined;
}

function settingsKeys({ Layers: arns, VpcConfig: vpc }: ConditionedSettings): ConditionKeys {
  return {
    'lambda:layer': arns,
    'lambda:subnetids': vpc?.SubnetIds,
    'lambda:securitygroupids': vpc?.SecurityGroupIds,
  };
}

function mappedFunction(here: Namespace, text: string | undefined): ConditionKeys {
  return text === undefined ? {} : { 'lambda:functionarn': [functionResource(here, text).arn] };
}

function optional(value: string | undefined): readonly string[] | undefined {
  return value === undefined ? undefined : [value];
}
