import { type OperationName, operationModels } from '../model/operations.gen.ts';
import { createAlias } from './create-alias.ts';
import { createFunction } from './create-function.ts';
import { deleteAlias } from './delete-alias.ts';
import { deleteFunction } from './delete-function.ts';
import { deleteFunctionConcurrency } from './delete-function-concurrency.ts';
import { getAccountSettings } from './get-account-settings.ts';
import { getAlias } from './get-alias.ts';
import { getFunction } from './get-function.ts';
import { getFunctionConcurrency } from './get-function-concurrency.ts';
import { getFunctionConfiguration } from './get-function-configuration.ts';
import { invoke } from './invoke.ts';
import { listAliases } from './list-aliases.ts';
import { listFunctions } from './list-functions.ts';
import { listTags } from './list-tags.ts';
import { listVersionsByFunction } from './list-versions-by-function.ts';
import { isNotWritten, notWritten } from './not-written.ts';
import type { Operation } from './operation.ts';
import { publishVersion } from './publish-version.ts';
import { putFunctionConcurrency } from './put-function-concurrency.ts';
import { tagResource } from './tag-resource.ts';
import { untagResource } from './untag-resource.ts';
import { updateAlias } from './update-alias.ts';
import { updateFunctionCode } from './update-function-code.ts';
import { updateFunctionConfiguration } from './update-function-configuration.ts';

/** Every operation of the API by name; one that is missing here does not compile. */
export const operations: { readonly [Name in OperationName]: Operation<Name> } = {
  AddLayerVersionPermission: notWritten('AddLayerVersionPermission'),
  AddPermission: notWritten('AddPermission'),
  CheckpointDurableExecution: notWritten('CheckpointDurableExecution'),
  CreateAlias: createAlias,
  CreateCapacityProvider: notWritten('CreateCapacityProvider'),
  CreateCodeSigningConfig: notWritten('CreateCodeSigningConfig'),
  CreateEventSourceMapping: notWritten('CreateEventSourceMapping'),
  CreateFunction: createFunction,
  CreateFunctionUrlConfig: notWritten('CreateFunctionUrlConfig'),
  DeleteAlias: deleteAlias,
  DeleteCapacityProvider: notWritten('DeleteCapacityProvider'),
  DeleteCodeSigningConfig: notWritten('DeleteCodeSigningConfig'),
  DeleteEventSourceMapping: notWritten('DeleteEventSourceMapping'),
  DeleteFunction: deleteFunction,
  DeleteFunctionCodeSigningConfig: notWritten('DeleteFunctionCodeSigningConfig'),
  DeleteFunctionConcurrency: deleteFunctionConcurrency,
  DeleteFunctionEventInvokeConfig: notWritten('DeleteFunctionEventInvokeConfig'),
  DeleteFunctionUrlConfig: notWritten('DeleteFunctionUrlConfig'),
  DeleteLayerVersion: notWritten('DeleteLayerVersion'),
  DeleteProvisionedConcurrencyConfig: notWritten('DeleteProvisionedConcurrencyConfig'),
  DeleteResourcePolicy: notWritten('DeleteResourcePolicy'),
  GetAccountSettings: getAccountSettings,
  GetAlias: getAlias,
  GetCapacityProvider: notWritten('GetCapacityProvider'),
  GetCodeSigningConfig: notWritten('GetCodeSigningConfig'),
  GetDurableExecution: notWritten('GetDurableExecution'),
  GetDurableExecutionHistory: notWritten('GetDurableExecutionHistory'),
  GetDurableExecutionState: notWritten('GetDurableExecutionState'),
  GetEventSourceMapping: notWritten('GetEventSourceMapping'),
  GetFunction: getFunction,
  GetFunctionCodeSigningConfig: notWritten('GetFunctionCodeSigningConfig'),
  GetFunctionConcurrency: getFunctionConcurrency,
  GetFunctionConfiguration: getFunctionConfiguration,
  GetFunctionEventInvokeConfig: notWritten('GetFunctionEventInvokeConfig'),
  GetFunctionRecursionConfig: notWritten('GetFunctionRecursionConfig'),
  GetFunctionScalingConfig: notWritten('GetFunctionScalingConfig'),
  GetFunctionUrlConfig: notWritten('GetFunctionUrlConfig'),
  GetLayerVersion: notWritten('GetLayerVersion'),
  GetLayerVersionByArn: notWritten('GetLayerVersionByArn'),
  GetLayerVersionPolicy: notWritten('GetLayerVersionPolicy'),
  GetPolicy: notWritten('GetPolicy'),
  GetProvisionedConcurrencyConfig: notWritten('GetProvisionedConcurrencyConfig'),
  GetResourcePolicy: notWritten('GetResourcePolicy'),
  GetRuntimeManagementConfig: notWritten('GetRuntimeManagementConfig'),
  Invoke: invoke,
  InvokeAsync: notWritten('InvokeAsync'),
  InvokeWithResponseStream: notWritten('InvokeWithResponseStream'),
  ListAliases: listAliases,
  ListCapacityProviders: notWritten('ListCapacityProviders'),
  ListCodeSigningConfigs: notWritten('ListCodeSigningConfigs'),
  ListDurableExecutionsByFunction: notWritten('ListDurableExecutionsByFunction'),
  ListEventSourceMappings: notWritten('ListEventSourceMappings'),
  ListFunctionEventInvokeConfigs: notWritten('ListFunctionEventInvokeConfigs'),
  ListFunctionUrlConfigs: notWritten('ListFunctionUrlConfigs'),
  ListFunctionVersionsByCapacityProvider: notWritten('ListFunctionVersionsByCapacityProvider'),
  ListFunctions: listFunctions,
  ListFunctionsByCodeSigningConfig: notWritten('ListFunctionsByCodeSigningConfig'),
  ListLayerVersions: notWritten('ListLayerVersions'),
  ListLayers: notWritten('ListLayers'),
  ListProvisionedConcurrencyConfigs: notWritten('ListProvisionedConcurrencyConfigs'),
  ListTags: listTags,
  ListVersionsByFunction: listVersionsByFunction,
  PublishLayerVersion: notWritten('PublishLayerVersion'),
  PublishVersion: publishVersion,
  PutFunctionCodeSigningConfig: notWritten('PutFunctionCodeSigningConfig'),
  PutFunctionConcurrency: putFunctionConcurrency,
  PutFunctionEventInvokeConfig: notWritten('PutFunctionEventInvokeConfig'),
  PutFunctionRecursionConfig: notWritten('PutFunctionRecursionConfig'),
  PutFunctionScalingConfig: notWritten('PutFunctionScalingConfig'),
  PutProvisionedConcurrencyConfig: notWritten('PutProvisionedConcurrencyConfig'),
  PutResourcePolicy: notWritten('PutResourcePolicy'),
  PutRuntimeManagementConfig: notWritten('PutRuntimeManagementConfig'),
  RemoveLayerVersionPermission: notWritten('RemoveLayerVersionPermission'),
  RemovePermission: notWritten('RemovePermission'),
  SendDurableExecutionCallbackFailure: notWritten('SendDurableExecutionCallbackFailure'),
  SendDurableExecutionCallbackHeartbeat: notWritten('SendDurableExecutionCallbackHeartbeat'),
  SendDurableExecutionCallbackSuccess: notWritten('SendDurableExecutionCallbackSuccess'),
  StopDurableExecution: notWritten('StopDurableExecution'),
  TagResource: tagResource,
  UntagResource: untagResource,
  UpdateAlias: updateAlias,
  UpdateCapacityProvider: notWritten('UpdateCapacityProvider'),
  UpdateCodeSigningConfig: notWritten('UpdateCodeSigningConfig'),
  UpdateEventSourceMapping: notWritten('UpdateEventSourceMapping'),
  UpdateFunctionCode: updateFunctionCode,
  UpdateFunctionConfiguration: updateFunctionConfiguration,
  UpdateFunctionEventInvokeConfig: notWritten('UpdateFunctionEventInvokeConfig'),
  UpdateFunctionUrlConfig: notWritten('UpdateFunctionUrlConfig'),
};

/** The operations that answer 501, in alphabetical order; the README lists them. */
export const notWrittenNames: readonly OperationName[] = (Object.keys(operationModels) as OperationName[]).filter(
  (name) => isNotWritten(operations[name]),
);
