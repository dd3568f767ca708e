/**
 * Which runtimes may be given to a function on which day.
 *
 * AWS names two days for each runtime that has reached its end: from the first no function can be created on it, from
 * the second none can be updated. `--deprecated-runtimes allow` opens them all again: to run what AWS no longer takes
 * is what a Lambda of one's own is good for.
 */
import { createHash } from 'node:crypto';
import { lambdaArn } from '../base/arn.ts';
import { invalidParameter } from '../model/api-error.ts';

interface BlockedFrom {
  /** Days in UTC, `YYYY-MM-DD`. */
  readonly create: string;
  readonly update: string;
}

function blocked(create: string, update = create): BlockedFrom {
  return { create, update };
}

/** AWS's developer guide, page of the runtimes, as it stood in 2026 (lambda-facts 6.3.17). */
const BLOCKED_FROM: Readonly<Record<string, BlockedFrom>> = {
  nodejs: blocked('2016-10-31'),
  'nodejs4.3': blocked('2020-02-03', '2020-03-05'),
  'nodejs4.3-edge': blocked('2018-12-15', '2019-04-30'),
  'nodejs6.10': blocked('2019-07-12', '2019-08-12'),
  'nodejs8.10': blocked('2020-02-04', '2020-03-06'),
  'nodejs10.x': blocked('2022-01-14', '2022-02-14'),
  'nodejs12.x': blocked('2023-03-31', '2023-04-30'),
  'nodejs14.x': blocked('2024-01-09', '2024-02-08'),
  'nodejs16.x': blocked('2026-08-31', '2026-09-30'),
  'nodejs18.x': blocked('2026-08-31', '2026-09-30'),
  'nodejs20.x': blocked('2026-08-31', '2026-09-30'),
  'nodejs22.x': blocked('2027-06-01', '2027-07-01'),
  'nodejs24.x': blocked('2028-06-01', '2028-07-01'),
  'python2.7': blocked('2022-04-30', '2022-05-30'),
  'python3.6': blocked('2022-07-29', '2022-08-29'),
  'python3.7': blocked('2024-01-09', '2024-02-08'),
  'python3.8': blocked('2026-08-31', '2026-09-30'),
  'python3.9': blocked('2026-08-31', '2026-09-30'),
  'python3.10': blocked('2026-11-30', '2027-01-15'),
  'python3.11': blocked('2027-07-31', '2027-08-31'),
  'python3.12': blocked('2028-11-30', '2029-01-10'),
  'python3.13': blocked('2029-07-31', '2029-08-31'),
  'python3.14': blocked('2029-07-31', '2029-08-31'),
  'dotnetcore1.0': blocked('2019-06-27', '2019-07-30'),
  'dotnetcore2.0': blocked('2019-05-30'),
  'dotnetcore2.1': blocked('2022-03-15', '2022-04-13'),
  'dotnetcore3.1': blocked('2023-04-03', '2023-05-03'),
  dotnet6: blocked('2026-08-31', '2026-09-30'),
  dotnet8: blocked('2026-12-10', '2027-01-11'),
  dotnet10: blocked('2028-12-14', '2029-01-15'),
  'go1.x': blocked('2024-02-08', '2024-03-11'),
  java8: blocked('2024-02-08', '2024-03-11'),
  'java8.al2': blocked('2027-07-31', '2027-08-31'),
  java11: blocked('2027-07-31', '2027-08-31'),
  java17: blocked('2027-07-31', '2027-08-31'),
  java21: blocked('2029-07-31', '2029-08-31'),
  java25: blocked('2029-07-31', '2029-08-31'),
  'ruby2.5': blocked('2021-07-30', '2022-03-31'),
  'ruby2.7': blocked('2024-01-09', '2024-02-08'),
  'ruby3.2': blocked('2026-08-31', '2026-09-30'),
  'ruby3.3': blocked('2027-04-30', '2027-05-31'),
  'ruby3.4': blocked('2028-04-30', '2028-05-31'),
  provided: blocked('2024-02-08', '2024-03-11'),
  'provided.al2': blocked('2026-08-31', '2026-09-30'),
  'provided.al2023': blocked('2029-07-31', '2029-08-31'),
};

/** Java from 11, Python from 3.12 and .NET from 8 have snapshots (lambda-facts 9.3). */
const SNAPSTART_RUNTIME = /^(java(11|17|21|25)(\.al2023)?|python3\.1[2-9]|dotnet(8|10))$/;

/** What `--deprecated-runtimes` says. */
export type DeprecatedRuntimes = 'refuse' | 'allow';

export interface RuntimeRule {
  readonly deprecatedRuntimes: DeprecatedRuntimes;
  readonly nowMs: number;
}

/**
 * Throws InvalidParameterValueException when functions on the runtime can no longer be created, or no longer updated.
 * AWS has the same text for both.
 */
export function checkSupportedRuntime(runtime: string, action: keyof BlockedFrom, rule: RuntimeRule): void {
  if (isBlocked(runtime, action, rule))
    throw invalidParameter(
      `The runtime parameter of ${runtime} is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions.`,
    );
}

function isBlocked(runtime: string, action: keyof BlockedFrom, { deprecatedRuntimes, nowMs }: RuntimeRule): boolean {
  const day = BLOCKED_FROM[runtime]?.[action];
  return day !== undefined && deprecatedRuntimes === 'refuse' && nowMs >= Date.parse(day);
}

/** Throws InvalidParameterValueException when SnapStart is asked for on a runtime without snapshots. */
export function checkSnapStart(runtime: string | undefined): void {
  if (runtime !== undefined && !SNAPSTART_RUNTIME.test(runtime))
    throw invalidParameter(`${runtime} is not supported for SnapStart enabled functions.`);
}

/** AWS names each build of a runtime by a digest. Here a runtime has one build, so its name decides. */
export function runtimeVersionArn(region: string, runtime: string): string {
  const digest = createHash('sha256').update(`lambdad ${runtime}`).digest('hex');
  // Runtime ARNs carry no account.
  return lambdaArn(region, '', `runtime:${digest}`);
}
