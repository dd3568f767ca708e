/**
 * Policies attached to a resource: to a function, to one of its versions or aliases, or to a version of a layer.
 * Kept as plain JSON in IAM's own words (lambda-facts 6.5).
 */
import { ApiError, notFound } from '../model/api-error.ts';
import type { PolicyStatement } from './policy-statement.ts';

export type PolicyVersion = '2012-10-17' | '2008-10-17';

/** A policy without its revision: that of a function's policy is the revision of what the policy is attached to. */
export interface KeptPolicy {
  /** The language of the statements; policy variables mean something in `2012-10-17` only. */
  readonly version: PolicyVersion;
  /** `default` in what AddPermission began. */
  readonly id?: string;
  /** Never empty: a policy goes with its last statement. */
  readonly statements: readonly PolicyStatement[];
}

/** The policy of a layer version. */
export interface ResourcePolicy extends KeptPolicy {
  /** UUID, new with each change of this policy. */
  readonly revisionId: string;
}

/** Body of the record kind `function-policy`; its id is `qualifiedId(name, qualifier)`, $LATEST for the function itself. */
export interface FunctionPolicyBody {
  readonly policy: KeptPolicy;
}

/** Bytes of the whole document. */
const POLICY_BYTES_MAX = 20_480;

/** The document as AWS writes it. */
export function policyText({ version, id, statements }: KeptPolicy): string {
  return JSON.stringify({ Version: version, ...(id === undefined ? {} : { Id: id }), Statement: statements });
}

/**
 * The policy with one more statement; a new one where none was. Throws ResourceConflictException for a statement id
 * that is there already, PolicyLengthExceededException.
 */
export function withStatement(policy: KeptPolicy | undefined, statement: PolicyStatement): KeptPolicy {
  if (policy?.statements.some(({ Sid }) => Sid === statement.Sid))
    throw new ApiError(
      'ResourceConflictException',
      `The statement id (${statement.Sid}) provided already exists. Please provide a new statement id, or remove the existing statement.`,
    );
  const { version, id, statements } = policy ?? EMPTY;
  const grown = { version, ...(id === undefined ? {} : { id }), statements: [...statements, statement] };
  checkPolicyLength(grown);
  return grown;
}

const EMPTY: KeptPolicy = { version: '2012-10-17', id: 'default', statements: [] };

/**
 * The policy without a statement; undefined when that was the last one.
 * Throws ResourceNotFoundException when there is no policy, or no such statement in it.
 */
export function withoutStatement(policy: KeptPolicy | undefined, statementId: string): KeptPolicy | undefined {
  if (!policy) throw noPolicy();
  const { version, id } = policy;
  const statements = policy.statements.filter(({ Sid }) => Sid !== statementId);
  if (statements.length === policy.statements.length)
    throw notFound(`Statement ${statementId} is not found in resource policy.`);
  return statements.length === 0 ? undefined : { version, ...(id === undefined ? {} : { id }), statements };
}

/** Throws PolicyLengthExceededException. */
export function checkPolicyLength(policy: KeptPolicy): void {
  const bytes = Buffer.byteLength(policyText(policy));
  if (bytes <= POLICY_BYTES_MAX) return;
  throw new ApiError(
    'PolicyLengthExceededException',
    `The final policy size (${bytes}) is bigger than the limit (${POLICY_BYTES_MAX}).`,
  );
}

/** The resource is there and has no policy. */
export function noPolicy(): ApiError {
  return notFound('No policy is associated with the given resource.');
}
