/** Who calls: the root of an account, a user, or a role in one of its sessions. */
import { createHash } from 'node:crypto';
import { partitionOf } from '../base/arn.ts';
import type { Policy } from './policy-document.ts';
import type { RequestKeys } from './policy-pattern.ts';

/** The owner of the access key that signed a request. */
export interface Principal {
  /** 12 digits. */
  readonly account: string;
  readonly accessKeyId: string;
  /** Absent: the root of the account. */
  readonly identity?: Identity;
}

/** Who owns a key beyond its account: as the credentials file says, or as the role of the function that has it. */
export interface Identity {
  readonly kind: 'root' | 'user' | 'role';
  /** With its path (`team/alice`); empty for root. */
  readonly name: string;
  /** Of a role. */
  readonly session?: string;
  /** `o-…`, the organisation of the account. */
  readonly organization?: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Root has none and needs none. */
  readonly policies: readonly Policy[];
  /** The function whose code calls, without a qualifier; only of credentials that a function was given. */
  readonly sourceFunctionArn?: string;
}

export function isRoot({ identity }: Principal): boolean {
  return identity === undefined || identity.kind === 'root';
}

/** ARN by which policies and refusals name the caller; a role is named by its session. */
export function principalArn({ account, identity }: Principal, region: string): string {
  const partition = partitionOf(region);
  if (identity?.kind === 'role')
    return `arn:${partition}:sts::${account}:assumed-role/${baseName(identity.name)}/${identity.session}`;
  return identityArn(account, identity, partition);
}

/** The ARNs under which a policy may name the caller alone: a role's session, and the role itself. */
export function ownArns(principal: Principal, region: string): readonly string[] {
  if (isRoot(principal)) return [];
  const { account, identity } = principal;
  return [...new Set([principalArn(principal, region), identityArn(account, identity, partitionOf(region))])];
}

function identityArn(account: string, identity: Identity | undefined, partition: string): string {
  const resource = identity === undefined || identity.kind === 'root' ? 'root' : `${identity.kind}/${identity.name}`;
  return `arn:${partition}:iam::${account}:${resource}`;
}

function baseName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

const PRINCIPAL_TAG = 'aws:principaltag/';

/** The condition keys that follow from the caller alone. */
export function principalKeys(principal: Principal, region: string): RequestKeys {
  const { account, identity } = principal;
  return (name) => {
    switch (name) {
      case 'aws:principalarn':
        return [identityArn(account, identity, partitionOf(region))];
      case 'aws:principalaccount':
        return [account];
      case 'aws:principalorgid':
        return identity?.organization === undefined ? undefined : [identity.organization];
      case 'aws:principaltype':
        return [PRINCIPAL_TYPES[identity?.kind ?? 'root']];
      case 'aws:principalisawsservice':
      case 'aws:viaawsservice':
        return ['false'];
      case 'aws:userid':
        return [userId(principal, region)];
      case 'aws:username':
        return identity?.kind === 'user' ? [baseName(identity.name)] : undefined;
      case 'lambda:sourcefunctionarn':
        return identity?.sourceFunctionArn === undefined ? undefined : [identity.sourceFunctionArn];
    }
    if (!name.startsWith(PRINCIPAL_TAG)) return undefined;
    return tagValue(identity?.tags ?? {}, name.slice(PRINCIPAL_TAG.length));
  };
}

const PRINCIPAL_TYPES = { root: 'Account', user: 'User', role: 'AssumedRole' } as const;

/** The value of a tag by its key in any case, which is how condition keys name tags. */
export function tagValue(tags: Readonly<Record<string, string>>, lowerKey: string): readonly string[] | undefined {
  for (const [key, value] of Object.entries(tags)) if (key.toLowerCase() === lowerKey) return [value];
  return undefined;
}

const ID_DIGITS = 17;

/** AWS's form (`AIDA…`, `AROA…:session`); the same for the same name, because no file keeps one. */
function userId({ account, identity }: Principal, region: string): string {
  if (identity === undefined || identity.kind === 'root') return account;
  const digest = createHash('sha256')
    .update(identityArn(account, identity, partitionOf(region)))
    .digest('hex');
  const digits = digest.slice(0, ID_DIGITS).toUpperCase();
  return identity.kind === 'user' ? `AIDA${digits}` : `AROA${digits}:${identity.session}`;
}
