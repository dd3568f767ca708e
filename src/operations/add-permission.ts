import { permissionStatement } from '../access/policy-statement.ts';
import { identitiesOf } from '../access/policy-statement-principal.ts';
import { checkNotPublic } from '../access/policy-statement-public.ts';
import { withStatement } from '../access/resource-policy.ts';
import { changePolicy, findPolicySubject, parsePolicyTarget } from '../functions/function-policy.ts';
import { checkPrincipalsExist } from '../functions/function-policy-principal.ts';
import { checkRevision } from '../functions/preconditions.ts';
import { invalidParameter } from '../model/api-error.ts';
import type { Operation } from './operation.ts';

/** The statement that it answers is the one that it added, as JSON text. */
export const addPermission: Operation<'AddPermission'> = async (context, input) => {
  const { services, region } = context;
  const target = parsePolicyTarget(context, input.FunctionName, input.Qualifier);
  const { arn } = await findPolicySubject(services.metadata, context, target);
  if (input.FunctionUrlAuthType !== undefined && input.Action !== 'lambda:InvokeFunctionUrl')
    throw invalidParameter('FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action');
  const statement = permissionStatement(input, arn, region);
  await checkPrincipalsExist(services.neighbours, context, identitiesOf(statement.Principal));
  if (services.publicPolicies === 'block') checkNotPublic([statement]);
  await changePolicy(services, context, target, ({ policy, revisionId }) => {
    checkRevision(input.RevisionId, revisionId, 'GetPolicy');
    return withStatement(policy, statement);
  });
  return { output: { Statement: JSON.stringify(statement) } };
};
