/**
 * What the store keeps of functions: the bodies of the record kinds `function`, `version` and `alias`.
 *
 * Plain JSON in camelCase; configuration-view.ts turns them into AWS's answers. A field that the caller left out and
 * that has no default stays absent.
 */

import type { LayerUse } from '../layers/layer-records.ts';
import type { Sealed } from '../neighbours/vault.ts';
import type { CodeRef } from '../packages/code-packages.ts';

export const LATEST = '$LATEST';

export type State = 'Pending' | 'Active' | 'Inactive' | 'Failed';
export type UpdateStatus = 'Successful' | 'Failed' | 'InProgress';
export type Architecture = 'x86_64' | 'arm64';

/** What the caller configures; frozen with each published version. */
export interface Settings {
  readonly role: string;
  readonly runtime?: string;
  readonly handler?: string;
  readonly description: string;
  readonly timeoutS: number;
  readonly memoryMb: number;
  readonly ephemeralStorageMb: number;
  readonly architecture: Architecture;
  readonly packageType: 'Zip' | 'Image';
  /** The variables as a JSON object, sealed under the function's ARN and its KMSKeyArn. */
  readonly environment?: Sealed | Readonly<Record<string, string>>;
  /** In the order in which they are laid over each other. */
  readonly layers?: readonly LayerUse[];
  /** Fixed when the function is made. */
  readonly tenantIsolation?: 'PER_TENANT';
  readonly logging: Logging;
  readonly tracingMode: 'Active' | 'PassThrough';
  readonly snapStart: 'PublishedVersions' | 'None';
  /** Settings that are accepted and kept and have no effect here yet, in AWS's own shape, by member name. */
  readonly kept: Readonly<Partial<Record<KeptName, unknown>>>;
}

export interface Logging {
  readonly format: 'Text' | 'JSON';
  readonly group: string;
  /** Only with format JSON. */
  readonly applicationLevel?: 'TRACE' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR' | 'FATAL';
  readonly systemLevel?: 'DEBUG' | 'INFO' | 'WARN';
}

/** The code of a version. */
export interface DeployedCode extends CodeRef {
  /** Who signed it; only where the function has a code signing configuration. */
  readonly signing?: Signing;
  /** Why a configuration that warns does not trust it: one line, which the function's log shows at each cold start. */
  readonly warning?: string;
}

/** Shown as SigningProfileVersionArn and SigningJobArn. */
export interface Signing {
  readonly profileVersionArn: string;
  readonly jobArn: string;
}

export interface Status {
  readonly state: State;
  readonly stateReason?: string;
  readonly stateReasonCode?: string;
  readonly lastUpdateStatus?: UpdateStatus;
  readonly lastUpdateStatusReason?: string;
  readonly lastUpdateStatusReasonCode?: string;
}

/** One version of a function: `$LATEST` inside the function record, published ones as records of their own. */
export interface VersionBody {
  readonly functionName: string;
  /** `$LATEST` or a number in decimal. */
  readonly version: string;
  readonly settings: Settings;
  readonly code: DeployedCode;
  readonly status: Status;
  /** UUID, new with each change that AWS counts as one. */
  readonly revisionId: string;
  /** Epoch milliseconds. */
  readonly lastModified: number;
  /** While an update is in progress, or after it failed: what invokes still get (lambda-facts 6.3, 2). */
  readonly serving?: { readonly settings: Settings; readonly code: DeployedCode };
}

/**
 * Kind `version-counter`, id = name: stays when a function that had versions is deleted, because AWS never gives a
 * version's number again, not even to a function that is made anew under the same name.
 */
export interface VersionCounterBody {
  readonly nextVersion: number;
}

/** Kind `function`, id = name. */
export interface FunctionBody {
  readonly name: string;
  /** New with each CreateFunction: tells a function from another that had its name before. Absent: older than this. */
  readonly functionId?: string;
  /** The number that the next published version gets; never goes back. */
  readonly nextVersion: number;
  /** The version that was published from `latest` as it is now; absent once it was updated. */
  readonly publishedVersion?: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly reservedConcurrency?: number;
  /** The code signing configuration that new code is held against. */
  readonly codeSigningConfigArn?: string;
  /** What becomes of an event that has gone round through the function too often; absent: Terminate. */
  readonly recursiveLoop?: 'Allow' | 'Terminate';
  readonly latest: VersionBody;
}

/** Kind `alias`, id = `name:alias`. */
export interface AliasBody {
  readonly functionName: string;
  readonly name: string;
  readonly functionVersion: string;
  readonly description: string;
  /** At most one other version and its weight, 0 to 1. */
  readonly routing?: { readonly version: string; readonly weight: number };
  readonly revisionId: string;
}

/** Settings that are kept and not yet used, by AWS's member names; values in AWS's shape of the request. */
export type KeptName =
  | 'VpcConfig'
  | 'DeadLetterConfig'
  | 'KMSKeyArn'
  | 'FileSystemConfigs'
  /** Of the code: the key that was asked for, and the object that it was read from by reference. */
  | 'SourceKMSKeyArn'
  | 'ResolvedS3Object';

/** True for a number that a published version can have; `01` or twenty digits are the number of none. */
export function canBeVersion(number: string): boolean {
  return VERSION_NUMBER.test(number);
}

const VERSION_NUMBER = /^[1-9]\d{0,9}$/;

/** Ids of version records sort in the order of their numbers. */
const VERSION_DIGITS = 10;

export function versionId(functionName: string, version: string): string {
  return `${functionName}:${version.padStart(VERSION_DIGITS, '0')}`;
}

export function aliasId(functionName: string, alias: string): string {
  return `${functionName}:${alias}`;
}

/**
 * Id of what is kept for a function as a whole or for one qualifier of it (policies, URLs, invoke and provisioned
 * concurrency configurations): everything of a function begins with `name:`.
 */
export function qualifiedId(functionName: string, qualifier: string = LATEST): string {
  return `${functionName}:${qualifier}`;
}
