import { readResourcePolicy } from '../access/policy-statement-grammar.ts';
import { identitiesOf } from '../access/policy-statement-principal.ts';
import { checkNotPublic } from '../access/policy-statement-public.ts';
import { checkPolicyLength } from '../access/resource-policy.ts';
import { changePolicy, findPolicySubject, parsePolicyTarget } from '../functions/function-policy.ts';
import { checkPrincipalsExist } from '../functions/function-policy-principal.ts';
import { checkRevision } from '../functions/preconditions.ts';
import type { Operation } from './operation.ts';

/** Replaces the whole document, with what AddPermission put into it. */
export const putResourcePolicy: Operation<'PutResourcePolicy'> = async (context, input) => {
  const { services, region } = context;
  const target = parsePolicyTarget(context, input.ResourceArn);
  await findPolicySubject(services.metadata, context, target);
  const policy = readResourcePolicy(input.Policy, region);
  checkPolicyLength(policy);
  const principals = policy.statements.flatMap(({ Principal, NotPrincipal }) => [Principal, NotPrincipal]);
  await checkPrincipalsExist(services.neighbours, context, identitiesOf(...principals));
  if (services.publicPolicies === 'block') checkNotPublic(policy.statements);
  const answer = await changePolicy(services, context, target, ({ revisionId }) => {
    checkRevision(input.RevisionId, revisionId, 'GetPolicy');
    return policy;
  });
  return { output: { ...answer } };
};
