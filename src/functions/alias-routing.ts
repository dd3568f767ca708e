/** What an alias may point to, and how it is shown (lambda-facts 6.4). */

import { isDeepStrictEqual } from 'node:util';
import { functionArn } from '../base/arn.ts';
import { invalidParameter } from '../model/api-error.ts';
import type { AliasConfiguration, AliasRoutingConfiguration } from '../model/types.gen.ts';
import type { MetadataStore } from '../store/metadata.ts';
import type { Namespace } from '../store/namespace.ts';
import { functionNotFound } from './function-name.ts';
import { readFunction, readVersion } from './keys.ts';
import { type AliasBody, LATEST, type VersionBody } from './records.ts';

/** The routing of an alias from the request's map; undefined for none. Throws InvalidParameterValueException. */
export function routingOf(functionVersion: string, config: AliasRoutingConfiguration): AliasBody['routing'] {
  const entries = Object.entries(config.AdditionalVersionWeights ?? {});
  if (entries.length > 1)
    throw invalidParameter('Number of items in AdditionalVersionWeights cannot be greater than 1');
  const [entry] = entries;
  if (!entry) return undefined;
  const [version, weight] = entry;
  checkRouting(functionVersion, version);
  return { version, weight };
}

/** Throws InvalidParameterValueException when an alias cannot spread over these two versions. */
export function checkRouting(functionVersion: string, additional: string): void {
  if (functionVersion === LATEST)
    throw invalidParameter('$LATEST is not supported for an alias pointing to more than 1 version');
  if (functionVersion === additional)
    throw invalidParameter(
      `Invalid function version ${additional}. Function version ${additional} is already included in routing configuration.`,
    );
}

/**
 * Sees to it that the versions of an alias exist and can stand in for each other. Throws ResourceNotFoundException
 * with the version's ARN, InvalidParameterValueException for versions of different roles or dead-letter queues.
 */
export async function checkAliasTargets(
  metadata: MetadataStore,
  namespace: Namespace,
  { functionName, functionVersion, routing }: Pick<AliasBody, 'functionName' | 'functionVersion' | 'routing'>,
): Promise<void> {
  const main = await readTarget(metadata, namespace, functionName, functionVersion);
  if (routing === undefined) return;
  const additional = await readTarget(metadata, namespace, functionName, routing.version);
  const pair = `Function versions ${functionVersion} and ${routing.version} of one alias must have the same`;
  if (main.settings.role !== additional.settings.role) throw invalidParameter(`${pair} execution role.`);
  if (!isDeepStrictEqual(main.settings.kept.DeadLetterConfig, additional.settings.kept.DeadLetterConfig))
    throw invalidParameter(`${pair} dead-letter queue configuration.`);
}

async function readTarget(
  metadata: MetadataStore,
  namespace: Namespace,
  functionName: string,
  number: string,
): Promise<VersionBody> {
  const version =
    number === LATEST
      ? (await readFunction(metadata, namespace, functionName))?.body.latest
      : (await readVersion(metadata, namespace, functionName, number))?.body;
  if (!version) throw functionNotFound(namespace, functionName, number);
  return version;
}

export function aliasArn(namespace: Namespace, functionName: string, alias: string): string {
  return functionArn(namespace.region, namespace.account, functionName, alias);
}

export function viewAlias(namespace: Namespace, alias: AliasBody): AliasConfiguration {
  return {
    AliasArn: aliasArn(namespace, alias.functionName, alias.name),
    Name: alias.name,
    FunctionVersion: alias.functionVersion,
    Description: alias.description,
    ...(alias.routing === undefined
      ? {}
      : { RoutingConfig: { AdditionalVersionWeights: { [alias.routing.version]: alias.routing.weight } } }),
    RevisionId: alias.revisionId,
  };
}
