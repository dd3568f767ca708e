/** Whether a request to a function URL is let in: by its signature, and by the policies (lambda-facts 7.4). */
import type { IncomingMessage } from 'node:http';
import { allowsAnonymous } from '../../access/anonymous.ts';
import type { Principal } from '../../access/identity.ts';
import type { ResourcePolicies } from '../../access/policy-watch.ts';
import type { FoundUrl } from '../../functions/function-url-index.ts';
import { LATEST } from '../../functions/records.ts';
import { ApiError } from '../../model/api-error.ts';
import { type AccessResource, type ConditionKeys, functionResource } from '../../operations/access-resource.ts';
import type { BodyRule } from '../../protocol/sigv4.ts';
import { parseQuery, splitTarget } from '../../protocol/target.ts';
import type { MetadataStore } from '../../store/metadata.ts';
import { type Authentication, authenticate, principalOf } from '../authentication.ts';
import { refusalOf } from '../authorisation.ts';
import { requestFacts } from '../request-facts.ts';

export interface UrlAccessParts {
  readonly authentication: Authentication;
  readonly policies: ResourcePolicies;
  readonly metadata: MetadataStore;
}

export interface Admission {
  /** Undefined where nobody signs. */
  readonly caller: Principal | undefined;
  readonly body: BodyRule;
}

export const FORBIDDEN =
  'Forbidden. For troubleshooting Function URL authorization issues, see: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html';

const SERVICES = ['lambda'] as const;

/** Both are needed, since October 2025. */
const ACTIONS = ['lambda:InvokeFunctionUrl', 'lambda:InvokeFunction'] as const;

export function forbidden(): ApiError {
  return new ApiError('AccessDeniedException', FORBIDDEN);
}

/** Throws AccessDeniedException, and what is wrong with a signature. Of the body nothing is known yet. */
export async function admit(
  parts: UrlAccessParts,
  url: FoundUrl,
  request: IncomingMessage,
  nowMs: number,
): Promise<Admission> {
  const { namespace, config } = url;
  const { functionName, qualifier, authType } = config;
  const resource = functionResource(namespace, functionName, qualifier === LATEST ? undefined : qualifier);
  const keys = { 'lambda:functionurlauthtype': [authType], 'lambda:invokedviafunctionurl': ['true'] };
  if (authType === 'NONE') {
    await admitAnonymous(parts, url, request, resource, keys, nowMs);
    return { caller: undefined, body: { kind: 'unchecked' } };
  }
  const signed = readSignature(parts.authentication, request, nowMs);
  const caller = principalOf(parts.authentication, signed);
  const { account, region } = namespace;
  const facts = requestFacts(request, caller, region, nowMs);
  const asking = { account, region, caller, facts, services: { metadata: parts.metadata }, moveTo: () => {} };
  for (const action of ACTIONS)
    if ((await refusalOf({ action, resource, keys }, asking, parts.policies)) !== undefined) throw forbidden();
  return { caller, body: signed.body };
}

function readSignature(authentication: Authentication, request: IncomingMessage, nowMs: number) {
  const { path, query: rawQuery } = splitTarget(request.url ?? '/');
  const { method = '', headers, rawHeaders } = request;
  const head = { method, path, rawQuery, query: parseQuery(rawQuery), headers, rawHeaders };
  try {
    return authenticate(authentication, head, SERVICES, nowMs);
  } catch (error) {
    throw error instanceof ApiError && error.name === 'MissingAuthenticationTokenException' ? forbidden() : error;
  }
}

async function admitAnonymous(
  { policies }: UrlAccessParts,
  { namespace: { account: owner, region } }: FoundUrl,
  request: IncomingMessage,
  { arn, policy: policyKey }: AccessResource,
  keys: ConditionKeys,
  nowMs: number,
): Promise<void> {
  const policy = policyKey && (await policies.read(policyKey));
  const { caller: _nobody, ...facts } = requestFacts(request, { account: '', accessKeyId: '' }, region, nowMs);
  const more = (name: string) => (Object.hasOwn(keys, name) ? keys[name] : undefined);
  for (const action of ACTIONS)
    if (!allowsAnonymous({ facts, action, resource: arn, owner, more }, policy)) throw forbidden();
}
