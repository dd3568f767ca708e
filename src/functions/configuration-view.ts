/** A version as AWS shows it: FunctionConfiguration (lambda-facts 6.1, 6.3, 13). */
import { functionArn } from '../base/arn.ts';
import type { FunctionConfiguration, VpcConfig, VpcConfigResponse } from '../model/types.gen.ts';
import type { Namespace } from './keys.ts';
import type { Settings, Status, VersionBody } from './records.ts';
import { runtimeVersionArn } from './runtime-support.ts';

export interface ViewOptions {
  /** Qualifier that FunctionArn carries: what the caller asked for, or the version's own. */
  readonly qualifier?: string | undefined;
  /** Lists leave out states and the runtime's version (lambda-facts 6.3.12). */
  readonly listed?: boolean;
}

/** Shows a version. Optional members without a value are left out. */
export function viewConfiguration(
  namespace: Namespace,
  version: VersionBody,
  { qualifier, listed = false }: ViewOptions = {},
): FunctionConfiguration {
  const { settings, code } = version;
  return {
    FunctionName: version.functionName,
    FunctionArn: functionArn(namespace.region, namespace.account, version.functionName, qualifier),
    ...viewSettings(settings),
    CodeSize: code.sizeBytes,
    CodeSha256: base64Digest(code.sha256),
    LastModified: formatLastModified(version.lastModified),
    Version: version.version,
    RevisionId: version.revisionId,
    SnapStart: {
      ApplyOn: settings.snapStart,
      OptimizationStatus: settings.snapStart !== 'None' && version.version !== '$LATEST' ? 'On' : 'Off',
    },
    ...(listed ? {} : viewStatus(version.status)),
    ...(listed || settings.runtime === undefined
      ? {}
      : { RuntimeVersionConfig: { RuntimeVersionArn: runtimeVersionArn(namespace.region, settings.runtime) } }),
  };
}

function viewSettings(settings: Settings): FunctionConfiguration {
  const { environment, logging, kept } = settings;
  return {
    ...(settings.runtime === undefined
      ? {}
      : { Runtime: settings.runtime as NonNullable<FunctionConfiguration['Runtime']> }),
    Role: settings.role,
    ...(settings.handler === undefined ? {} : { Handler: settings.handler }),
    Description: settings.description,
    Timeout: settings.timeoutS,
    MemorySize: settings.memoryMb,
    ...(environment === undefined ? {} : { Environment: { Variables: environment } }),
    TracingConfig: { Mode: settings.tracingMode },
    PackageType: settings.packageType,
    Architectures: [settings.architecture],
    EphemeralStorage: { Size: settings.ephemeralStorageMb },
    LoggingConfig: {
      LogFormat: logging.format,
      ...(logging.applicationLevel === undefined ? {} : { ApplicationLogLevel: logging.applicationLevel }),
      ...(logging.systemLevel === undefined ? {} : { SystemLogLevel: logging.systemLevel }),
      LogGroup: logging.group,
    },
    ...viewKept(kept),
  };
}

function viewKept(kept: Settings['kept']): FunctionConfiguration {
  const { VpcConfig: vpc, SourceKMSKeyArn: _belongsToCode, ...asGiven } = kept;
  if (vpc === undefined) return asGiven as FunctionConfiguration;
  return { ...(asGiven as FunctionConfiguration), VpcConfig: viewVpc(vpc as VpcConfig) };
}

/** There is no network to look the VPC's id up in: it is the empty one that AWS shows for a detached function. */
function viewVpc(vpc: VpcConfig): VpcConfigResponse {
  return {
    SubnetIds: vpc.SubnetIds ?? [],
    SecurityGroupIds: vpc.SecurityGroupIds ?? [],
    VpcId: '',
    Ipv6AllowedForDualStack: vpc.Ipv6AllowedForDualStack ?? false,
  };
}

function viewStatus(status: Status): FunctionConfiguration {
  return {
    State: status.state,
    ...(status.stateReason === undefined ? {} : { StateReason: status.stateReason }),
    ...(status.stateReasonCode === undefined
      ? {}
      : { StateReasonCode: status.stateReasonCode as NonNullable<FunctionConfiguration['StateReasonCode']> }),
    ...(status.lastUpdateStatus === undefined ? {} : { LastUpdateStatus: status.lastUpdateStatus }),
    ...(status.lastUpdateStatusReason === undefined ? {} : { LastUpdateStatusReason: status.lastUpdateStatusReason }),
    ...(status.lastUpdateStatusReasonCode === undefined
      ? {}
      : {
          LastUpdateStatusReasonCode: status.lastUpdateStatusReasonCode as NonNullable<
            FunctionConfiguration['LastUpdateStatusReasonCode']
          >,
        }),
  };
}

/** AWS shows in base64 the digest that names the package in hexadecimal. */
export function base64Digest(sha256: string): string {
  return Buffer.from(sha256, 'hex').toString('base64');
}

/** `2020-04-10T19:06:32.563+0000`, AWS's form of a function's time, from epoch milliseconds. */
export function formatLastModified(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '+0000');
}
