/**
 * Which runtimes may still be given to a function.
 *
 * Deliberate difference from AWS: the runtimes that can run here stay creatable after AWS's own dates (nodejs18.x and
 * nodejs20.x, python3.8 to python3.10, provided.al2 among them). To run what AWS no longer takes is what a Lambda of
 * one's own is good for. The table holds the runtimes that AWS was recorded to refuse (lambda-facts 6.3.17, 15).
 */
import { createHash } from 'node:crypto';
import { lambdaArn } from '../base/arn.ts';
import { invalidParameter } from '../model/api-error.ts';
import { shapes } from '../model/shapes.gen.ts';

/** Day, in UTC, from which AWS blocks creating and updating functions on the runtime. */
const BLOCKED_FROM: Readonly<Record<string, string>> = {
  nodejs: '2016-10-31',
  'nodejs4.3': '2020-03-05',
  'nodejs4.3-edge': '2019-04-30',
  'nodejs6.10': '2019-08-12',
  'nodejs8.10': '2020-03-06',
  'nodejs10.x': '2022-02-14',
  'nodejs12.x': '2023-04-30',
  'nodejs14.x': '2024-02-08',
  'python2.7': '2022-05-30',
  'python3.6': '2022-08-29',
  'python3.7': '2024-02-08',
  'dotnetcore1.0': '2019-07-30',
  'dotnetcore2.0': '2019-05-30',
  'dotnetcore2.1': '2022-04-13',
  'dotnetcore3.1': '2023-05-03',
  'go1.x': '2024-02-08',
  java8: '2024-02-08',
  provided: '2024-02-08',
  'ruby2.5': '2022-03-31',
  'ruby2.7': '2024-02-08',
};

/** Java from 11, Python from 3.12 and .NET from 8 have snapshots (lambda-facts 9.3). */
const SNAPSTART_RUNTIME = /^(java(11|17|21|25)(\.al2023)?|python3\.1[2-9]|dotnet(8|10))$/;

/** Throws InvalidParameterValueException when the runtime is unknown or no longer taken on this day. */
export function checkRuntime(runtime: string, nowMs: number): void {
  const known = shapes['Runtime']?.enum ?? [];
  const blockedFrom = BLOCKED_FROM[runtime];
  if (!known.includes(runtime)) {
    const taken = known.filter((name) => BLOCKED_FROM[name] === undefined).join(', ');
    throw invalidParameter(
      `Value ${runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [${taken}] or be a valid ARN`,
    );
  }
  if (blockedFrom !== undefined && nowMs >= Date.parse(blockedFrom))
    throw invalidParameter(
      `The runtime parameter of ${runtime} is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions.`,
    );
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
