/**
 * From the members of CreateFunction and UpdateFunctionConfiguration to the settings of a version: defaults, what an
 * update leaves as it was, and the checks that AWS's service makes after its framework's (lambda-facts 6.3, 14, 15).
 */
import { ApiError, invalidParameter } from '../model/api-error.ts';
import type {
  CreateFunctionRequest,
  FileSystemConfig,
  LoggingConfig,
  UpdateFunctionConfigurationRequest,
  VpcConfig,
} from '../model/types.gen.ts';
import { checkEnvironment } from './environment-variables.ts';
import type { KeptName, Logging, Settings } from './records.ts';
import { checkSnapStart, checkSupportedRuntime, type RuntimeRule } from './runtime-support.ts';
import type { Variables } from './sealed-environment.ts';

/** Whose settings are made, when, and under which rule for runtimes. */
export interface SettingsContext extends RuntimeRule {
  readonly functionName: string;
}

/** What a request makes of the settings, as far as the request alone can tell. */
export interface SettingsDraft {
  /** Environment and layers as they were; complete-settings.ts puts the new ones in their place. */
  readonly settings: Settings;
  /** Absent when the request leaves the variables as they are. */
  readonly variables?: Variables;
  /** Absent when the request leaves the layers as they are. */
  readonly layerArns?: readonly string[];
}

/** The model allows more for managed instances; these hold for functions on demand (lambda-facts 14). */
const TIMEOUT_S_MAX = 900;
const MEMORY_MB_MAX = 10_240;
const EPHEMERAL_STORAGE_MB_MAX = 10_240;

const TIMEOUT_S_DEFAULT = 3;
const MEMORY_MB_DEFAULT = 128;
const EPHEMERAL_STORAGE_MB_DEFAULT = 512;

/** Settings of a new function. Throws InvalidParameterValueException and others as AWS does. */
export function settingsOfNew(input: CreateFunctionRequest, context: SettingsContext): SettingsDraft {
  refuseUnavailable(input);
  if (input.Runtime === undefined || input.Handler === undefined)
    throw invalidParameter(
      'Runtime and Handler are mandatory parameters for functions created with deployment packages.',
    );
  const blank: Settings = {
    role: input.Role,
    description: '',
    timeoutS: TIMEOUT_S_DEFAULT,
    memoryMb: MEMORY_MB_DEFAULT,
    ephemeralStorageMb: EPHEMERAL_STORAGE_MB_DEFAULT,
    architecture: input.Architectures?.[0] ?? 'x86_64',
    packageType: 'Zip',
    logging: newLogging(context, {}),
    tracingMode: 'PassThrough',
    snapStart: 'None',
    ...(input.TenancyConfig === undefined ? {} : { tenantIsolation: input.TenancyConfig.TenantIsolationMode }),
    kept: {},
  };
  return withChanges(blank, input, context, 'create');
}

/** Settings after an update; members left out stay as they are. Throws as settingsOfNew. */
export function settingsOfUpdate(
  current: Settings,
  input: UpdateFunctionConfigurationRequest,
  context: SettingsContext,
): SettingsDraft {
  refuseUnavailable(input);
  return withChanges(current, input, context, 'update');
}

/** Settings with what belongs to new code: the key it was asked to lie under, and the object it was read from. */
export function withCodeSource(
  settings: Settings,
  sourceKeyArn: string | undefined,
  { resolved }: { readonly resolved?: unknown },
): Settings {
  const { SourceKMSKeyArn: _before, ResolvedS3Object: _alsoBefore, ...kept } = settings.kept;
  return {
    ...settings,
    kept: {
      ...kept,
      ...(sourceKeyArn ? { SourceKMSKeyArn: sourceKeyArn } : {}),
      ...(resolved === undefined ? {} : { ResolvedS3Object: resolved }),
    },
  };
}

/** What both requests can carry, checked and laid over the settings that were there. */
function withChanges(
  current: Settings,
  input: CreateFunctionRequest | UpdateFunctionConfigurationRequest,
  context: SettingsContext,
  action: 'create' | 'update',
): SettingsDraft {
  checkMaxima(input);
  const runtime = input.Runtime ?? current.runtime;
  if (runtime !== undefined) checkSupportedRuntime(runtime, action, context);
  const handler = input.Handler ?? current.handler;
  const variables = input.Environment?.Variables;
  if (variables !== undefined) checkEnvironment(variables);
  const settings: Settings = {
    ...current,
    role: input.Role ?? current.role,
    ...(runtime === undefined ? {} : { runtime }),
    ...(handler === undefined ? {} : { handler }),
    description: input.Description ?? current.description,
    timeoutS: input.Timeout ?? current.timeoutS,
    memoryMb: input.MemorySize ?? current.memoryMb,
    ephemeralStorageMb: input.EphemeralStorage?.Size ?? current.ephemeralStorageMb,
    logging: input.LoggingConfig === undefined ? current.logging : newLogging(context, input.LoggingConfig),
    tracingMode: input.TracingConfig?.Mode ?? current.tracingMode,
    snapStart: input.SnapStart === undefined ? current.snapStart : (input.SnapStart.ApplyOn ?? 'None'),
    kept: mergeKept(current.kept, input),
  };
  checkTogether(settings);
  return {
    settings,
    ...(variables === undefined ? {} : { variables }),
    ...(input.Layers === undefined ? {} : { layerArns: input.Layers }),
  };
}

/** What may not stand together in one configuration (lambda-facts 6.9, 9.3). */
function checkTogether({ snapStart, runtime, ephemeralStorageMb, tenantIsolation, kept }: Settings): void {
  const vpc = kept.VpcConfig as VpcConfig | undefined;
  if (isEmpty(vpc?.SubnetIds) !== isEmpty(vpc?.SecurityGroupIds))
    throw invalidParameter('SubnetIds and SecurityIds must coexist or be both empty list.');
  const fileSystem = (kept.FileSystemConfigs as readonly FileSystemConfig[] | undefined)?.[0];
  if (fileSystem !== undefined && isEmpty(vpc?.SubnetIds))
    throw invalidParameter(
      `Function must be configured to execute in a VPC to reference access point ${fileSystem.Arn}.`,
    );
  if (snapStart === 'None') return;
  checkSnapStart(runtime);
  if (tenantIsolation !== undefined) throw invalidParameter('SnapStart is not supported with tenant isolation mode.');
  if (fileSystem !== undefined) throw invalidParameter('SnapStart is not supported with EFS.');
  if (ephemeralStorageMb > EPHEMERAL_STORAGE_MB_DEFAULT)
    throw invalidParameter('SnapStart is not supported with ephemeral storage greater than 512 MB.');
}

function isEmpty(list: readonly unknown[] | undefined): boolean {
  return list === undefined || list.length === 0;
}

/** Refuses what cannot run here yet, rather than to take it and run something else. */
function refuseUnavailable(input: CreateFunctionRequest | UpdateFunctionConfigurationRequest): void {
  const refuse = (what: string) => invalidParameter(`lambdad does not run ${what} yet.`);
  if ('PackageType' in input && input.PackageType === 'Image')
    throw refuse('functions of package type Image (container images)');
  if (input.ImageConfig !== undefined && Object.keys(input.ImageConfig).length > 0)
    throw invalidParameter("Please don't provide ImageConfig for a function with packageType Zip.");
  if (input.DurableConfig !== undefined) throw refuse('durable functions (DurableConfig)');
  if (input.CapacityProviderConfig !== undefined)
    throw refuse('functions on capacity providers (CapacityProviderConfig)');
  if ('PublishTo' in input && input.PublishTo !== undefined)
    throw refuse('functions published to $LATEST.PUBLISHED (PublishTo)');
}

function checkMaxima(input: CreateFunctionRequest | UpdateFunctionConfigurationRequest): void {
  const faults: string[] = [];
  const check = (path: string, value: number | undefined, max: number) => {
    if (value !== undefined && value > max)
      faults.push(
        `Value '${value}' at '${path}' failed to satisfy constraint: Member must have value less than or equal to ${max}`,
      );
  };
  check('timeout', input.Timeout, TIMEOUT_S_MAX);
  check('memorySize', input.MemorySize, MEMORY_MB_MAX);
  check('ephemeralStorage.size', input.EphemeralStorage?.Size, EPHEMERAL_STORAGE_MB_MAX);
  if (faults.length === 0) return;
  const counted = faults.length === 1 ? '1 validation error' : `${faults.length} validation errors`;
  throw new ApiError('ValidationException', `${counted} detected: ${faults.join('; ')}`);
}

/**
 * A LoggingConfig replaces the one before as a whole, on updates too: what it leaves out is as in a new function. JSON has
 * levels, INFO unless said otherwise; Text has none (lambda-facts 6.3.20).
 */
function newLogging({ functionName }: SettingsContext, given: LoggingConfig): Logging {
  const { LogFormat: format = 'Text', LogGroup: group = `/aws/lambda/${functionName}` } = given;
  if (format === 'JSON') {
    const { ApplicationLogLevel: applicationLevel = 'INFO', SystemLogLevel: systemLevel = 'INFO' } = given;
    return { format, group, applicationLevel, systemLevel };
  }
  if (given.ApplicationLogLevel !== undefined || given.SystemLogLevel !== undefined)
    throw invalidParameter(
      'LogLevel is not supported when LogFormat is set to "Text". Remove LogLevel from your request or change the LogFormat to "JSON" and try again.',
    );
  return { format, group };
}

/** An empty value takes a setting away; a network configuration stays, emptied, as AWS shows it. */
function mergeKept(
  current: Settings['kept'],
  input: CreateFunctionRequest | UpdateFunctionConfigurationRequest,
): Settings['kept'] {
  const kept: Partial<Record<KeptName, unknown>> = { ...current };
  const set = (name: KeptName, value: unknown, empty: boolean) => {
    if (value === undefined) return;
    if (empty) delete kept[name];
    else kept[name] = value;
  };
  set('DeadLetterConfig', input.DeadLetterConfig, !input.DeadLetterConfig?.TargetArn);
  set('KMSKeyArn', input.KMSKeyArn, input.KMSKeyArn === '');
  set('FileSystemConfigs', input.FileSystemConfigs, input.FileSystemConfigs?.length === 0);
  if (input.VpcConfig !== undefined)
    kept.VpcConfig = { ...(current.VpcConfig as VpcConfig | undefined), ...input.VpcConfig };
  return kept;
}
