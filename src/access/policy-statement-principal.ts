/** The principals of a policy: whom a statement speaks of. */
import { partitionOf } from '../base/arn.ts';
import { type ApiError, invalidParameter } from '../model/api-error.ts';

export type PrincipalKind = 'AWS' | 'Service' | 'Federated' | 'CanonicalUser';

/** `"*"`, or the principals by their kind. */
export type PolicyPrincipal = '*' | Readonly<Partial<Record<PrincipalKind, string | readonly string[]>>>;

/** A role or user whose existence IAM can be asked for. */
export interface IamIdentity {
  readonly arn: string;
  readonly account: string;
  readonly kind: 'role' | 'user';
}

const ACCOUNT = /^\d{12}$/;

/**
 * Names that AWS services go by in policies: `s3.amazonaws.com`, `states.eu-west-1.amazonaws.com`, those of Alexa
 * (`alexa-appkit.amazon.com`), and those with the domain of another partition.
 */
const SERVICE =
  /^(?:[a-z0-9-]+\.)+(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|amazon\.com|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)$/;

const IAM_ARN = /^arn:([a-z-]+):iam::(\d{12}):(?:root|(role|user)\/[\w+=,.@/-]+)$/;
const SESSION_ARN = /^arn:([a-z-]+):sts::\d{12}:(?:assumed-role\/[\w+=,.@-]+\/|federated-user\/)[\w+=,.@-]+$/;

/**
 * The principal that AddPermission's parameter means, as the policy writes it (lambda-facts 6.5).
 * Throws InvalidParameterValueException for what has none of the known forms.
 */
export function principalOf(text: string, region: string): PolicyPrincipal {
  if (text === '*') return '*';
  if (SERVICE.test(text)) return { Service: text };
  if (ACCOUNT.test(text)) return { AWS: `arn:${partitionOf(region)}:iam::${text}:root` };
  if (isPrincipalArn(text, region)) return { AWS: text };
  throw invalidPrincipal();
}

/** True for what may stand under `AWS` in a document: an account, its root, a user, a role, a session, or everyone. */
export function isAwsPrincipal(text: string, region: string): boolean {
  return text === '*' || ACCOUNT.test(text) || isPrincipalArn(text, region);
}

/** The service, account and identity named are looked for in the region's partition alone. */
function isPrincipalArn(text: string, region: string): boolean {
  const match = IAM_ARN.exec(text) ?? SESSION_ARN.exec(text);
  return match?.[1] === partitionOf(region);
}

export function isServicePrincipal(text: string): boolean {
  return SERVICE.test(text);
}

/** The roles and users among a statement's principals, each once. */
export function identitiesOf(...principals: readonly (PolicyPrincipal | undefined)[]): readonly IamIdentity[] {
  const identities = new Map<string, IamIdentity>();
  for (const principal of principals) {
    if (principal === undefined || principal === '*') continue;
    for (const arn of [principal.AWS ?? []].flat()) {
      const [, , account, kind] = IAM_ARN.exec(arn) ?? [];
      if (account !== undefined && (kind === 'role' || kind === 'user')) identities.set(arn, { arn, account, kind });
    }
  }
  return [...identities.values()];
}

export function invalidPrincipal(): ApiError {
  return invalidParameter('The provided principal was invalid. Please check the principal and try again.');
}
