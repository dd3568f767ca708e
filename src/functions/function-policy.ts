/**
 * The policy of a function, a version or an alias: where it is kept, and how it is changed (lambda-facts 6.5).
 *
 * Its revision is that of what it is attached to: AWS answers the same id from GetPolicy and GetFunction, and a change
 * of the policy gives the function, version or alias a new one (6.3, 7).
 */

import { type FunctionPolicyBody, type KeptPolicy, policyText } from '../access/resource-policy.ts';
import { functionArn } from '../base/arn.ts';
import type { Ids } from '../base/ids.ts';
import { type ApiError, invalidParameter, notFound } from '../model/api-error.ts';
import type { Change, MetadataStore, RecordKey, StoredRecord } from '../store/metadata.ts';
import type { Namespace } from '../store/namespace.ts';
import { type ChangeTools, changeFunction, putFunction } from './change-function.ts';
import { type FunctionReference, functionNotFound, isVersionNumber, parseReference } from './function-name.ts';
import { aliasKey, readAlias, readFunction, readVersion, versionKey } from './keys.ts';
import { type FunctionBody, LATEST, qualifiedId } from './records.ts';

/** What a policy is attached to, with the policy if it has one. */
export interface PolicySubject {
  /** With the qualifier, for a version or an alias. */
  readonly arn: string;
  readonly revisionId: string;
  readonly policy?: KeptPolicy;
  /** Revision of the policy's record; 0 when there is none. */
  readonly policyRevision: number;
  /** The change that gives the function, version or alias another revision id. */
  revise(revisionId: string): Change;
}

/** The policy as GetPolicy and its namesake of 2026 answer it. */
export interface PolicyAnswer {
  readonly Policy: string;
  readonly RevisionId: string;
}

const ALIAS = /^[a-zA-Z0-9-_]+$/;

/** Throws InvalidParameterValueException for `$LATEST` by name: its policy is that of the unqualified function. */
export function parsePolicyTarget(namespace: Namespace, text: string, qualifier?: string): FunctionReference {
  const reference = parseReference(namespace, text, qualifier);
  if (reference.qualifier !== LATEST) return reference;
  throw invalidParameter('We currently do not support adding policies for $LATEST.');
}

/**
 * Looks up a function, version or alias together with its policy. Throws ResourceNotFoundException; for the function
 * itself with the text that `missing` gives.
 */
export async function findPolicySubject(
  metadata: MetadataStore,
  namespace: Namespace,
  { name, qualifier }: FunctionReference,
  missing: () => ApiError = () => functionNotFound(namespace, name, qualifier),
): Promise<PolicySubject> {
  const owner = await readFunction(metadata, namespace, name);
  if (!owner) throw missing();
  const attached = await findAttached(metadata, namespace, owner, qualifier ?? LATEST);
  const record = await metadata.get(policyKey(namespace, name, qualifier));
  const policy = (record as StoredRecord<FunctionPolicyBody> | undefined)?.body.policy;
  return { ...attached, ...(policy === undefined ? {} : { policy }), policyRevision: record?.revision ?? 0 };
}

/**
 * Changes the policy and the revision of what it is attached to, in one commit. `change` judges what is there and
 * gives what shall be there; undefined: no policy. Throws what it throws and what findPolicySubject throws.
 */
export async function changePolicy(
  tools: ChangeTools & { readonly ids: Ids },
  namespace: Namespace,
  reference: FunctionReference,
  change: (subject: PolicySubject) => KeptPolicy | undefined,
  missing?: () => ApiError,
): Promise<PolicyAnswer | undefined> {
  const { name, qualifier } = reference;
  return changeFunction(tools, namespace, name, async () => {
    const subject = await findPolicySubject(tools.metadata, namespace, reference, missing);
    const policy = change(subject);
    const revisionId = tools.ids.uuid();
    const key = policyKey(namespace, name, qualifier);
    const expect = subject.policyRevision;
    const body = policy && ({ policy } satisfies FunctionPolicyBody);
    await tools.metadata.commit([
      subject.revise(revisionId),
      body === undefined ? { type: 'delete', key, expect } : { type: 'put', key, body, expect },
    ]);
    return policy && { Policy: policyText(policy), RevisionId: revisionId };
  });
}

/** Throws ResourceNotFoundException, with one text for no function, no such qualifier and no policy. */
export async function readPolicyAnswer(
  metadata: MetadataStore,
  namespace: Namespace,
  reference: FunctionReference,
): Promise<PolicyAnswer> {
  const subject = await findPolicySubject(metadata, namespace, reference, policyResourceNotFound);
  if (!subject.policy) throw policyResourceNotFound();
  return { Policy: policyText(subject.policy), RevisionId: subject.revisionId };
}

/** What RemovePermission says of a function that does not exist: always the unqualified ARN. */
export function noPolicyOf({ region, account }: Namespace, name: string): ApiError {
  return notFound(`No policy found for: ${functionArn(region, account, name)}`);
}

function policyResourceNotFound(): ApiError {
  return notFound('The resource you requested does not exist.');
}

function policyKey({ account, region }: Namespace, name: string, qualifier: string | undefined): RecordKey {
  return { account, region, kind: 'function-policy', id: qualifiedId(name, qualifier) };
}

type Attached = Pick<PolicySubject, 'arn' | 'revisionId' | 'revise'>;

async function findAttached(
  metadata: MetadataStore,
  namespace: Namespace,
  owner: StoredRecord<FunctionBody>,
  qualifier: string,
): Promise<Attached> {
  const { region, account } = namespace;
  const { name, latest } = owner.body;
  if (qualifier === LATEST)
    return {
      arn: functionArn(region, account, name),
      revisionId: latest.revisionId,
      revise: (revisionId) => putFunction(namespace, owner, { ...owner.body, latest: { ...latest, revisionId } }),
    };
  const arn = functionArn(region, account, name, qualifier);
  const byNumber = isVersionNumber(qualifier);
  const record = byNumber
    ? await readVersion(metadata, namespace, name, qualifier)
    : await readAlias(metadata, namespace, name, qualifier);
  if (!record && !byNumber && ALIAS.test(qualifier)) throw notFound(`Cannot find alias arn: ${arn}`);
  if (!record) throw functionNotFound(namespace, name, qualifier);
  const key = byNumber ? versionKey(namespace, name, qualifier) : aliasKey(namespace, name, qualifier);
  const { body, revision: expect } = record;
  return {
    arn,
    revisionId: body.revisionId,
    revise: (revisionId) => ({ type: 'put', key, body: { ...body, revisionId }, expect }),
  };
}
