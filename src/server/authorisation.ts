/**
 * Whether a request is allowed, before its operation looks at anything: every demand of the access table is held
 * against the policies of the caller and of the resource. What belongs to another account and is allowed by both sides
 * is then done in the owner's account.
 */
import { evaluate, refusalText } from '../access/evaluate.ts';
import { isRoot, type Principal, principalArn } from '../access/identity.ts';
import type { ResourcePolicies } from '../access/policy-watch.ts';
import { type RequestFacts, requestKeys } from '../access/request-keys.ts';
import type { FunctionBody } from '../functions/records.ts';
import { qualifiedId } from '../functions/records.ts';
import { ApiError } from '../model/api-error.ts';
import type { OperationName } from '../model/operations.gen.ts';
import type { InvocationRequest, OperationInputs } from '../model/types.gen.ts';
import type { AccessResource, ConditionKeys } from '../operations/access-resource.ts';
import { accessTable, type Demand } from '../operations/access-table.ts';
import type { MetadataStore, RecordKey } from '../store/metadata.ts';
import type { Namespace } from '../store/namespace.ts';

/** What the decision needs to know of a request; its account is the caller's until it is moved. */
export interface Asking extends Namespace {
  readonly caller: Principal;
  readonly facts: RequestFacts;
  readonly services: { readonly metadata: MetadataStore };
  moveTo(account: string): void;
}

/**
 * Returns nothing when the request is known to be allowed without waiting, as it is for the root of an account with
 * its own functions; else a promise. Throws (or rejects with) AccessDeniedException in AWS's words.
 */
export function authorise<Name extends OperationName>(
  name: Name,
  context: Asking,
  input: OperationInputs[Name],
  policies: ResourcePolicies,
): Promise<void> | undefined {
  const root = isRoot(context.caller);
  if (root && name === 'Invoke' && isOwnInvoke(context, input as InvocationRequest, policies)) return undefined;
  const demands = accessTable[name](context, input);
  if (root && demands.every((demand) => isOwn(demand, context, policies))) return undefined;
  return judge(demands, context, policies);
}

/** The warm path: a bare name can only be a function of the caller's own. */
function isOwnInvoke(context: Asking, input: InvocationRequest, policies: ResourcePolicies): boolean {
  const { FunctionName: name, Qualifier: qualifier } = input;
  if (name.includes(':')) return false;
  const { account, region } = context;
  return policies.isKnownFree({ account, region, kind: 'function-policy', id: qualifiedId(name, qualifier) });
}

/**
 * What no policy denies to the root of the resource's account, or a policy that denies everything to everyone could
 * never be taken away again. S3 has this rule for the policies of buckets; whether Lambda has it is not documented.
 */
const ALWAYS_ROOTS: ReadonlySet<string> = new Set([
  'lambda:GetResourcePolicy',
  'lambda:PutResourcePolicy',
  'lambda:DeleteResourcePolicy',
]);

/** But for these actions, a resource's own policy can refuse the root of its account, and nothing else can. */
function isOwn({ resource }: Demand, { account }: Asking, policies: ResourcePolicies): boolean {
  if (resource.owner.account !== account) return false;
  return resource.policy === undefined || policies.isKnownFree(resource.policy);
}

async function judge(
  demands: readonly [Demand, ...Demand[]],
  context: Asking,
  policies: ResourcePolicies,
): Promise<void> {
  for (const demand of demands) {
    const refusal = await refusalOf(demand, context, policies);
    if (refusal !== undefined) throw new ApiError('AccessDeniedException', refusal);
  }
  context.moveTo(demands[0].resource.owner.account);
}

/** Why one thing is not allowed, in AWS's words; undefined when it is. */
export async function refusalOf(
  demand: Demand,
  context: Asking,
  policies: ResourcePolicies,
): Promise<string | undefined> {
  const { action, resource } = demand;
  const { caller, region } = context;
  if (isRoot(caller) && resource.owner.account === caller.account && ALWAYS_ROOTS.has(action)) return undefined;
  const isUsed = demand.unlessUsedBy !== undefined && (await hasLayer(context, demand.unlessUsedBy, resource.arn));
  // A region sees no policies of another: what is there stays closed to other accounts.
  const isHere = resource.owner.region === region;
  const policy = resource.policy !== undefined && isHere && !isUsed ? await policies.read(resource.policy) : undefined;
  const owner = isUsed ? caller.account : resource.owner.account;
  const told = isRoot(caller) && policy === undefined ? {} : await toldOf(resource, context);
  const more = (name: string) => keyOf(demand.keys, name) ?? keyOf(told, name);
  const keys = requestKeys(context.facts, owner, more);
  const refusal = evaluate({ caller, region, action, resource: resource.arn, owner, keys }, policy);
  return refusal && refusalText(refusal, principalArn(caller, region), action, resource.arn);
}

/** A policy may ask for a key of any name, and objects have members that nobody gave them. */
function keyOf(keys: ConditionKeys | undefined, name: string): readonly string[] | undefined {
  return keys !== undefined && Object.hasOwn(keys, name) ? keys[name] : undefined;
}

/** The condition keys that records of the resource answer. */
async function toldOf({ told = [] }: AccessResource, { services }: Asking): Promise<ConditionKeys> {
  let keys: ConditionKeys = {};
  for (const { record, keysOf } of told) {
    const found = await services.metadata.get(record);
    if (found) keys = { ...keys, ...keysOf(found.body as never) };
  }
  return keys;
}

async function hasLayer({ services }: Asking, key: RecordKey, arn: string): Promise<boolean> {
  const found = (await services.metadata.get(key))?.body as FunctionBody | undefined;
  return found?.latest.settings.layers?.some((layer) => layer.arn === arn) ?? false;
}

/**
 * Refuses an action of another service on a resource of the caller's own account, which has no policy.
 *
 * @returns the refusal in AWS's words; undefined when it is allowed
 */
export function refuseByIdentity(
  facts: RequestFacts,
  action: string,
  resource: string,
  told: ConditionKeys,
): string | undefined {
  const { caller, region } = facts;
  const owner = caller.account;
  const keys = requestKeys(facts, owner, (name) => keyOf(told, name));
  const refusal = evaluate({ caller, region, action, resource, owner, keys }, undefined);
  return refusal && refusalText(refusal, principalArn(caller, region), action, resource);
}
