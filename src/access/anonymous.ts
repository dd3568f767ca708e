/** Callers who say nothing of who they are, and whom a resource's policy lets in all the same. */
import { judgeResource } from './evaluate.ts';
import type { Policy } from './policy-document.ts';
import type { RequestKeys } from './policy-pattern.ts';
import { type RequestFacts, requestKeys } from './request-keys.ts';

export interface AnonymousRequest {
  readonly facts: Omit<RequestFacts, 'caller'>;
  readonly action: string;
  readonly resource: string;
  /** Account of the resource. */
  readonly owner: string;
  /** Keys of the action and its resource. */
  readonly more: RequestKeys;
}

const NOBODY = { account: '', accessKeyId: '' };
/** Keys that speak of the caller; IAM has these two for everybody. */
const OF_CALLER = /^aws:(principal|userid|username|viaawsservice)/;

/** Only a statement for everyone (`"Principal": "*"`) allows it, and a Deny forbids it. */
export function allowsAnonymous(request: AnonymousRequest, policy: Policy | undefined): boolean {
  const { action, resource, owner } = request;
  const facts = { ...request.facts, caller: NOBODY };
  const known = requestKeys(facts, owner, request.more);
  const keys: RequestKeys = (name) => {
    if (name === 'aws:principaltype') return ['Anonymous'];
    if (name === 'aws:userid') return ['anonymous'];
    return OF_CALLER.test(name) ? undefined : known(name);
  };
  return judgeResource({ caller: NOBODY, region: facts.region, action, resource, owner, keys }, policy) === 'allowed';
}
