/** A version as AWS shows it: FunctionConfiguration (lambda-facts 6.1, 6.3, 13). */
import { functionArn } from '../base/arn.ts';
import { formatLastModified } from '../base/last-modified.ts';
import type { FunctionConfiguration, VpcConfigResponse } from '../model/types.gen.ts';
import type { Vault } from '../neighbours/vault.ts';
import { base64Digest } from '../packages/code-digest.ts';
import type { Namespace } from '../store/namespace.ts';
import type { Settings, Status, VersionBody } from './records.ts';
import { runtimeVersionArn } from './runtime-support.ts';
import { viewEnvironment } from './sealed-environment.ts';

export interface ViewOptions {
  /** Qualifier that FunctionArn carries: what the caller asked for, or the version's own. */
  readonly qualifier?: string | undefined;
  /** Lists leave out states and the runtime's version (lambda-facts 6.3.12). */
  readonly listed?: boolean;
}

/** Shows a version. Optional members without a value are left out. */
export async function viewConfiguration(
  { vault }: { readonly vault: Vault },
  namespace: Namespace,
  version: VersionBody,
  { qualifier, listed = false }: ViewOptions = {},
): Promise<FunctionConfiguration> {
  const { settings, code } = version;
  const environment = await viewEnvironment(vault, namespace, version.functionName, settings);
  return {
    FunctionName: version.functionName,
    FunctionArn: functionArn(namespace.region, namespace.account, version.functionName, qualifier),
    ...viewSettings(settings),
    ...(environment === undefined ? {} : { Environment: environment }),
    CodeSize: code.sizeBytes,
    CodeSha256: base64Digest(code.sha256),
    ...(code.signing === undefined
      ? {}
      : { SigningProfileVersionArn: code.signing.profileVersionArn, SigningJobArn: code.signing.jobArn }),
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
  const { logging, kept, layers, tenantIsolation } = settings;
  return {
    ...(settings.runtime === undefined
      ? {}
      : { Runtime: settings.runtime as NonNullable<FunctionConfiguration['Runtime']> }),
    Role: settings.role,
    ...(settings.handler === undefined ? {} : { Handler: settings.handler }),
    Description: settings.description,
    Timeout: settings.timeoutS,
    MemorySize: settings.memoryMb,
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
    ...(layers === undefined
      ? {}
      : { Layers: layers.map(({ arn, code }) => ({ Arn: arn, CodeSize: code.sizeBytes })) }),
    ...(tenantIsolation === undefined ? {} : { TenancyConfig: { TenantIsolationMode: tenantIsolation } }),
    ...viewKept(kept),
  };
}

function viewKept(kept: Settings['kept']): FunctionConfiguration {
  const { VpcConfig: vpc, SourceKMSKeyArn: _ofTheCode, ResolvedS3Object: _ofTheCodeToo, ...asGiven } = kept;
  if (vpc === undefined) return asGiven as FunctionConfiguration;
  return { ...(asGiven as FunctionConfiguration), VpcConfig: viewVpc(vpc as VpcConfigResponse) };
}

/** Where nobody could be asked for the VPC's id, it is the empty one that AWS shows for a detached function. */
function viewVpc(vpc: VpcConfigResponse): VpcConfigResponse {
  return {
    SubnetIds: vpc.SubnetIds ?? [],
    SecurityGroupIds: vpc.SecurityGroupIds ?? [],
    VpcId: vpc.VpcId ?? '',
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
