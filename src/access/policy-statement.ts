/** One statement of a policy as IAM's JSON writes it, and how AddPermission and its sister for layers make one. */
import type { AddPermissionRequest } from '../model/types.gen.ts';
import { type PolicyPrincipal, principalOf } from './policy-statement-principal.ts';

export type OneOrMore<T> = T | readonly T[];

/** Values that a condition key is compared with. */
export type ConditionValue = OneOrMore<string | number | boolean>;

/** Operator (`StringEquals`, `ArnLike`, `ForAnyValue:StringLike`, …) → condition key → values. */
export type PolicyConditions = Readonly<Record<string, Readonly<Record<string, ConditionValue>>>>;

/** Has Principal or NotPrincipal, Action or NotAction, Resource or NotResource; never both of a pair. */
export interface PolicyStatement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal?: PolicyPrincipal;
  readonly NotPrincipal?: PolicyPrincipal;
  readonly Action?: OneOrMore<string>;
  readonly NotAction?: OneOrMore<string>;
  readonly Resource?: OneOrMore<string>;
  readonly NotResource?: OneOrMore<string>;
  readonly Condition?: PolicyConditions;
}

/** What AddPermission is given of the statement; AddLayerVersionPermission's OrganizationId is the PrincipalOrgID. */
export type Permission = Omit<AddPermissionRequest, 'FunctionName' | 'Qualifier' | 'RevisionId'>;

/**
 * The statement that permits it on the resource with this ARN, its members in AWS's order (lambda-facts 6.5).
 * Throws InvalidParameterValueException for a principal of no known form.
 */
export function permissionStatement(permission: Permission, resource: string, region: string): PolicyStatement {
  const conditions = conditionsOf(permission);
  return {
    Sid: permission.StatementId,
    Effect: 'Allow',
    Principal: principalOf(permission.Principal, region),
    Action: permission.Action,
    Resource: resource,
    ...(Object.keys(conditions).length === 0 ? {} : { Condition: conditions }),
  };
}

/** AWS spells `AWS:SourceArn` and `AWS:SourceAccount` in capitals; condition keys have no case in evaluation. */
function conditionsOf(permission: Permission): PolicyConditions {
  const viaUrl = permission.InvokedViaFunctionUrl;
  const conditions: [operator: string, keys: Record<string, string | undefined>][] = [
    [
      'StringEquals',
      {
        'AWS:SourceAccount': permission.SourceAccount,
        'aws:PrincipalOrgID': permission.PrincipalOrgID,
        'lambda:EventSourceToken': permission.EventSourceToken,
        'lambda:FunctionUrlAuthType': permission.FunctionUrlAuthType,
      },
    ],
    ['ArnLike', { 'AWS:SourceArn': permission.SourceArn }],
    ['Bool', { 'lambda:InvokedViaFunctionUrl': viaUrl === undefined ? undefined : String(viaUrl) }],
  ];
  const given = conditions.map(([operator, keys]) => [operator, withoutUndefined(keys)] as const);
  return Object.fromEntries(given.filter(([, keys]) => Object.keys(keys).length > 0));
}

function withoutUndefined(keys: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(keys).filter((pair): pair is [string, string] => pair[1] !== undefined));
}
