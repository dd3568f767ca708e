/** IAM's decision about one action on one resource. */
import { isRoot, ownArns, type Principal } from './identity.ts';
import type { Patterns, Policy, PrincipalPattern, Statement } from './policy-document.ts';
import { arnFits, fits, type RequestKeys } from './policy-pattern.ts';

export interface AccessRequest {
  readonly caller: Principal;
  readonly region: string;
  /** `lambda:GetFunction` */
  readonly action: string;
  /** ARN, or `*` where the action has no resource. */
  readonly resource: string;
  /** Account of the resource. */
  readonly owner: string;
  readonly keys: RequestKeys;
}

/** Why a request is refused: a policy forbids it, or none of the policies of that side allows it. */
export type Refusal = 'identity-denies' | 'resource-denies' | 'identity-silent' | 'resource-silent';

/**
 * Undefined when the request is allowed. What any policy denies is refused. Within one account either side's allowance
 * is enough; across accounts both are needed. The root of an account has every allowance that an identity can have.
 */
export function evaluate(request: AccessRequest, resourcePolicy: Policy | undefined): Refusal | undefined {
  const { caller, owner } = request;
  const identity = judgeIdentity(request);
  if (identity === 'denied') return 'identity-denies';
  const resource = judgeResource(request, resourcePolicy);
  if (resource === 'denied') return 'resource-denies';
  if (caller.account === owner) return identity === 'allowed' || resource === 'allowed' ? undefined : 'identity-silent';
  if (resource === 'silent') return 'resource-silent';
  return identity === 'allowed' ? undefined : 'identity-silent';
}

export type IdentityJudgement = 'denied' | 'allowed' | 'silent';

function judgeIdentity(request: AccessRequest): IdentityJudgement {
  const { caller } = request;
  if (isRoot(caller)) return 'allowed';
  let judgement: IdentityJudgement = 'silent';
  for (const policy of caller.identity?.policies ?? [])
    for (const statement of policy.statements) {
      if (!applies(statement, request)) continue;
      if (statement.effect === 'Deny') return 'denied';
      judgement = 'allowed';
    }
  return judgement;
}

/**
 * `delegated`: allowed to the caller's account as a whole, which is for root and for other accounts an allowance, while
 * within the account it leaves the decision to the policies of the identity.
 */
export type ResourceJudgement = IdentityJudgement | 'delegated';

export function judgeResource(request: AccessRequest, policy: Policy | undefined): ResourceJudgement {
  let judgement: ResourceJudgement = 'silent';
  for (const statement of policy?.statements ?? []) {
    if (statement.principals === undefined) continue;
    const named = names(statement.principals, request);
    if (named === 'not' || !applies(statement, request)) continue;
    if (statement.effect === 'Deny') return 'denied';
    if (named === 'directly') judgement = 'allowed';
    else if (judgement === 'silent') judgement = 'delegated';
  }
  return judgement;
}

type Naming = 'not' | 'account' | 'directly';

function names({ negated, patterns }: Patterns<PrincipalPattern>, { caller, region }: AccessRequest): Naming {
  const naming = namedBy(patterns, caller, region);
  if (!negated) return naming;
  return naming === 'not' ? 'directly' : 'not';
}

function namedBy(patterns: readonly PrincipalPattern[], caller: Principal, region: string): Naming {
  let naming: Naming = 'not';
  const arns = ownArns(caller, region);
  for (const pattern of patterns) {
    if (pattern.kind === 'everyone' || (pattern.kind === 'arn' && arns.includes(pattern.arn))) return 'directly';
    if (pattern.kind === 'account' && pattern.account === caller.account) naming = 'account';
  }
  return naming;
}

/** Whether a statement speaks of the request, whoever it names. */
function applies({ actions, resources, conditions }: Statement, request: AccessRequest): boolean {
  const action = request.action.toLowerCase();
  // Actions hold no variables, so that their templates are patterns as they are.
  const ofAction = actions.patterns.some(({ tokens }) => fits(tokens as readonly number[], action));
  if (ofAction === actions.negated) return false;
  const ofResource = resources.patterns.map((pattern) => arnFits(pattern, request.resource, request.keys));
  if (ofResource.includes(undefined) || ofResource.includes(true) === resources.negated) return false;
  return conditions.every((isMet) => isMet(request.keys));
}

/**
 * The refusal in AWS's words.
 *
 * @returns `User: … is not authorized to perform: … on resource: … because no identity-based policy allows the … action`
 */
export function refusalText(refusal: Refusal, caller: string, action: string, resource: string): string {
  const start = `User: ${caller} is not authorized to perform: ${action} on resource: ${resource}`;
  switch (refusal) {
    case 'identity-denies':
      return `${start} with an explicit deny in an identity-based policy`;
    case 'resource-denies':
      return `${start} with an explicit deny in a resource-based policy`;
    case 'identity-silent':
      return `${start} because no identity-based policy allows the ${action} action`;
    case 'resource-silent':
      return `${start} because no resource-based policy allows the ${action} action`;
  }
}
