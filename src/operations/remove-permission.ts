import { withoutStatement } from '../access/resource-policy.ts';
import { parseReference } from '../functions/function-name.ts';
import { changePolicy, noPolicyOf } from '../functions/function-policy.ts';
import { checkRevision } from '../functions/preconditions.ts';
import type { Operation } from './operation.ts';

/** With the last statement the policy goes. A wrong revision is told with the functions' text, as AWS does. */
export const removePermission: Operation<'RemovePermission'> = async (context, input) => {
  const target = parseReference(context, input.FunctionName, input.Qualifier);
  await changePolicy(
    context.services,
    context,
    target,
    ({ policy, revisionId }) => {
      const rest = withoutStatement(policy, input.StatementId);
      checkRevision(input.RevisionId, revisionId);
      return rest;
    },
    () => noPolicyOf(context, target.name),
  );
  return { output: {} };
};
