/** What the operations act on, as policies name it: its ARN, whose it is, and the records that conditions ask about. */
import type { PolicyPrincipal } from '../access/policy-statement-principal.ts';
import type { FunctionPolicyBody } from '../access/resource-policy.ts';
import { functionArn, lambdaArn } from '../base/arn.ts';
import { type CodeSigningBody, codeSigningKey } from '../functions/code-signing-config.ts';
import { readReference } from '../functions/function-name.ts';
import { type FunctionUrlBody, functionUrlKey } from '../functions/function-url.ts';
import { functionKey } from '../functions/keys.ts';
import { type FunctionBody, LATEST, qualifiedId } from '../functions/records.ts';
import { layerArn, parseLayerVersionArn } from '../layers/layer-name.ts';
import { layerVersionKey } from '../layers/layer-records.ts';
import { type MappingBody, mappedFunctionArn, mappingArn, mappingKey } from '../sources/mapping-record.ts';
import type { RecordKey } from '../store/metadata.ts';
import type { Namespace } from '../store/namespace.ts';

/** Values of condition keys by their names in lower case. A key with no value at all is not there. */
export type ConditionKeys = Readonly<Record<string, readonly string[] | undefined>>;

export interface AccessResource {
  /** ARN, or `*` for actions that have no resource. */
  readonly arn: string;
  readonly owner: Namespace;
  /** The record whose `policy` is the policy of the resource. */
  readonly policy?: RecordKey;
  /** Records of which condition keys speak. */
  readonly told?: readonly Told[];
}

export interface Told {
  readonly record: RecordKey;
  readonly keysOf: (body: never) => ConditionKeys;
}

const CODE_SIGNING_ID = /:code-signing-config:(csc-[a-z0-9]+)$/;

/** For the actions that ask for `"Resource": "*"`. */
export function anyResource(owner: Namespace): AccessResource {
  return { arn: '*', owner };
}

/** A function, with the qualifier of the request: policies tell `f`, `f:1` and `f:$LATEST` apart. */
export function functionResource(here: Namespace, text: string, qualifier?: string): AccessResource {
  const {
    account = here.account,
    region = here.region,
    name,
    qualifier: derived,
  } = readReference(text) ?? { name: text };
  const owner = { account, region };
  const effective = qualifier ?? derived;
  return {
    arn: functionArn(region, account, name, effective),
    owner,
    policy: { account, region, kind: 'function-policy', id: qualifiedId(name, effective) },
    told: [{ record: functionKey(owner, name), keysOf: ({ tags }: FunctionBody) => resourceTags(tags) }],
  };
}

/** A function as a whole, for operations that take a qualifier and look at none. */
export function wholeFunctionResource(here: Namespace, text: string): AccessResource {
  const { account = here.account, region = here.region, name } = readReference(text) ?? { name: text };
  return functionResource({ account, region }, name);
}

/** A statement of a function's policy: conditions may ask whom it lets in. */
export function permissionResource(
  here: Namespace,
  text: string,
  statementId: string,
  qualifier?: string,
): AccessResource {
  const resource = functionResource(here, text, qualifier);
  if (resource.policy === undefined) return resource;
  const keysOf = ({ policy }: FunctionPolicyBody): ConditionKeys => {
    const statement = policy.statements.find(({ Sid }) => Sid === statementId);
    const authType = statement?.Condition?.['StringEquals']?.['lambda:FunctionUrlAuthType'];
    return {
      'lambda:principal': principalsOf(statement?.Principal),
      'lambda:functionurlauthtype': authType === undefined ? undefined : [authType].flat().map(String),
    };
  };
  return { ...resource, told: [...(resource.told ?? []), { record: resource.policy, keysOf }] };
}

function principalsOf(principal: PolicyPrincipal | undefined): readonly string[] | undefined {
  if (principal === undefined) return undefined;
  return principal === '*' ? ['*'] : Object.values(principal).flat();
}

/** A function by its URL: conditions may ask who is let in by it. */
export function urlResource(here: Namespace, text: string, qualifier?: string): AccessResource {
  const resource = functionResource(here, text, qualifier);
  const name = readReference(text)?.name ?? text;
  const record = functionUrlKey(resource.owner, { name, qualifier: qualifier ?? LATEST });
  const keysOf = ({ authType }: FunctionUrlBody) => ({ 'lambda:functionurlauthtype': [authType] });
  return { ...resource, told: [...(resource.told ?? []), { record, keysOf }] };
}

/** A layer as a whole; it has no policy, so that nobody outside its account is let in. */
export function layerResource(here: Namespace, nameOrArn: string): AccessResource {
  if (!nameOrArn.startsWith('arn:')) return { arn: layerArn(here, nameOrArn), owner: here };
  const owner = ownerOf(here, nameOrArn);
  // Operations take the name out of the ARN whatever partition it names; policies know the layer by its own ARN.
  const resource = nameOrArn.split(':').slice(5).join(':');
  return { arn: lambdaArn(owner.region, owner.account, resource), owner };
}

export function layerVersionResource(here: Namespace, nameOrArn: string, version: number): AccessResource {
  return layerVersionByArn(here, `${layerResource(here, nameOrArn).arn}:${version}`);
}

export function layerVersionByArn(here: Namespace, arn: string): AccessResource {
  const reference = parseLayerVersionArn(arn);
  if (!reference) return { arn, owner: ownerOf(here, arn) };
  const { namespace: owner, name, version } = reference;
  return { arn, owner, policy: layerVersionKey(owner, name, version) };
}

export function mappingResource(here: Namespace, uuid: string): AccessResource {
  const keysOf = (body: MappingBody) => ({
    ...resourceTags(body.tags),
    'lambda:functionarn': [mappedFunctionArn(here, body)],
  });
  return { arn: mappingArn(here, uuid), owner: here, told: [{ record: mappingKey(here, uuid), keysOf }] };
}

export function codeSigningResource(here: Namespace, arn: string): AccessResource {
  const owner = ownerOf(here, arn);
  const id = CODE_SIGNING_ID.exec(arn)?.[1];
  const keysOf = ({ tags }: CodeSigningBody) => resourceTags(tags);
  return { arn, owner, ...(id === undefined ? {} : { told: [{ record: codeSigningKey(owner, id), keysOf }] }) };
}

export function capacityProviderResource(here: Namespace, nameOrArn: string): AccessResource {
  if (nameOrArn.startsWith('arn:')) return { arn: nameOrArn, owner: ownerOf(here, nameOrArn) };
  return { arn: lambdaArn(here.region, here.account, `capacity-provider:${nameOrArn}`), owner: here };
}

/** What is about to be made and has no name yet. */
export function newResource(here: Namespace, kind: 'code-signing-config' | 'event-source-mapping'): AccessResource {
  return { arn: lambdaArn(here.region, here.account, `${kind}:*`), owner: here };
}

/** A durable execution, by its own ARN. */
export function executionResource(here: Namespace, arn: string): AccessResource {
  return { arn, owner: ownerOf(here, arn) };
}

/** What the tagging operations name by ARN. */
export function taggedResource(here: Namespace, arn: string): AccessResource {
  const [, , , , , kind, id = ''] = arn.split(':');
  const owner = ownerOf(here, arn);
  if (kind === 'function') return functionResource(here, arn);
  if (kind === 'event-source-mapping') return mappingResource(owner, id);
  if (kind === 'code-signing-config') return codeSigningResource(here, arn);
  return { arn, owner };
}

function ownerOf(here: Namespace, arn: string): Namespace {
  const [, , , region, account] = arn.split(':');
  return { region: region || here.region, account: account || here.account };
}

/** The tags that a resource has. */
export function resourceTags(tags: Readonly<Record<string, string>>): ConditionKeys {
  return tagKeys('aws:resourcetag/', tags);
}

/** The tags that a request brings. */
export function requestTags(tags: Readonly<Record<string, string>> | undefined): ConditionKeys {
  if (tags === undefined) return {};
  return { ...tagKeys('aws:requesttag/', tags), 'aws:tagkeys': Object.keys(tags) };
}

function tagKeys(prefix: string, tags: Readonly<Record<string, string>>): ConditionKeys {
  return Object.fromEntries(Object.entries(tags).map(([key, value]) => [`${prefix}${key.toLowerCase()}`, [value]]));
}
