/** Code signing configurations: whose signatures new code must carry, and what becomes of code without (lambda-facts 6.7). */
import { lambdaArn } from '../base/arn.ts';
import { formatLastModified } from '../base/last-modified.ts';
import { ApiError, notFound } from '../model/api-error.ts';
import type { CodeSigningConfig } from '../model/types.gen.ts';
import type { MetadataStore, RecordKey, StoredRecord } from '../store/metadata.ts';
import type { Namespace } from '../store/namespace.ts';
import { type ChangeTools, changeFunction } from './change-function.ts';
import { walk } from './keys.ts';
import type { Tags } from './tags.ts';

/** Kind `code-signing-config`, id as in the body. */
export interface CodeSigningBody {
  /** `csc-` and 17 hexadecimal digits. */
  readonly id: string;
  readonly description?: string;
  /** ARNs of signing profile versions. */
  readonly allowedPublishers: readonly string[];
  readonly untrustedArtifact: 'Warn' | 'Enforce';
  readonly tags: Tags;
  /** Epoch milliseconds. */
  readonly lastModified: number;
}

export function codeSigningArn({ account, region }: Namespace, id: string): string {
  return lambdaArn(region, account, `code-signing-config:${id}`);
}

export function codeSigningKey({ account, region }: Namespace, id: string): RecordKey {
  return { account, region, kind: 'code-signing-config', id };
}

/**
 * The configuration that a function is to have. Throws CodeSigningConfigNotFoundException; the operations on
 * configurations themselves throw otherwise (`findCodeSigningConfig`).
 */
export async function readCodeSigningConfig(
  { metadata }: { readonly metadata: MetadataStore },
  namespace: Namespace,
  arn: string,
): Promise<CodeSigningBody> {
  const read = await readRecord(metadata, namespace, arn);
  if (read) return read.body;
  throw new ApiError(
    'CodeSigningConfigNotFoundException',
    `The code signing configuration cannot be found. Check that the provided configuration is not deleted: ${arn}.`,
  );
}

/** Throws ResourceNotFoundException, also for the ARN of another account or region. */
export async function findCodeSigningConfig(
  metadata: MetadataStore,
  namespace: Namespace,
  arn: string,
): Promise<StoredRecord<CodeSigningBody>> {
  const read = await readRecord(metadata, namespace, arn);
  if (read) return read;
  throw notFound(`The Lambda code signing configuration ${arn} can not be found.`);
}

async function readRecord(
  metadata: MetadataStore,
  namespace: Namespace,
  arn: string,
): Promise<StoredRecord<CodeSigningBody> | undefined> {
  const id = idOf(arn);
  if (arn !== codeSigningArn(namespace, id)) return undefined;
  return (await metadata.get(codeSigningKey(namespace, id))) as StoredRecord<CodeSigningBody> | undefined;
}

function idOf(arn: string): string {
  return arn.slice(arn.lastIndexOf(':') + 1);
}

/**
 * Runs `attempt` while nobody else changes, deletes or attaches the configuration, again after a lost race. Whoever
 * attaches one to a function does it in here, inside the function's own `changeFunction`: that one may be held while a
 * slow neighbour is asked, and the functions of one configuration must not wait for each other's neighbours.
 */
export function changeCodeSigning<T>(
  tools: ChangeTools,
  namespace: Namespace,
  arn: string,
  attempt: () => Promise<T>,
): Promise<T> {
  // `#` is in no function's name.
  return changeFunction(tools, namespace, `#${idOf(arn)}`, attempt);
}

/** The configuration with some of it replaced. Throws ResourceNotFoundException. */
export async function updateCodeSigning(
  tools: ChangeTools,
  namespace: Namespace,
  arn: string,
  change: (before: CodeSigningBody) => CodeSigningBody,
): Promise<CodeSigningBody> {
  return changeCodeSigning(tools, namespace, arn, async () => {
    const read = await findCodeSigningConfig(tools.metadata, namespace, arn);
    const body = change(read.body);
    await tools.metadata.commit([
      { type: 'put', key: codeSigningKey(namespace, body.id), body, expect: read.revision },
    ]);
    return body;
  });
}

/** Throws ResourceNotFoundException. */
export async function codeSigningTags(
  { metadata }: { readonly metadata: MetadataStore },
  namespace: Namespace,
  arn: string,
): Promise<Tags> {
  return (await findCodeSigningConfig(metadata, namespace, arn)).body.tags;
}

/** Throws ResourceNotFoundException and what `change` throws. Tags do not count as a modification. */
export async function changeCodeSigningTags(
  tools: ChangeTools,
  namespace: Namespace,
  arn: string,
  change: (tags: Tags) => Tags,
): Promise<void> {
  await updateCodeSigning(tools, namespace, arn, (before) => ({ ...before, tags: change(before.tags) }));
}

/** Names of the functions that a configuration is attached to, in order, behind `after`. */
export async function* functionsSignedUnder(
  metadata: MetadataStore,
  namespace: Namespace,
  arn: string,
  after?: string,
): AsyncGenerator<string> {
  for await (const { body } of walk(metadata, namespace, 'function', after === undefined ? {} : { after }))
    if (body.codeSigningConfigArn === arn) yield body.name;
}

export function viewCodeSigning(namespace: Namespace, body: CodeSigningBody): CodeSigningConfig {
  return {
    CodeSigningConfigId: body.id,
    CodeSigningConfigArn: codeSigningArn(namespace, body.id),
    ...(body.description === undefined ? {} : { Description: body.description }),
    AllowedPublishers: { SigningProfileVersionArns: body.allowedPublishers },
    CodeSigningPolicies: { UntrustedArtifactOnDeployment: body.untrustedArtifact },
    LastModified: formatLastModified(body.lastModified),
  };
}
