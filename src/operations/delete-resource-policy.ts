import { noPolicy } from '../access/resource-policy.ts';
import { parseReference } from '../functions/function-name.ts';
import { changePolicy, noPolicyOf } from '../functions/function-policy.ts';
import { checkRevision } from '../functions/preconditions.ts';
import type { Operation } from './operation.ts';

/** All statements go, those of AddPermission too. */
export const deleteResourcePolicy: Operation<'DeleteResourcePolicy'> = async (context, input) => {
  const target = parseReference(context, input.ResourceArn);
  await changePolicy(
    context.services,
    context,
    target,
    ({ policy, revisionId }) => {
      if (!policy) throw noPolicy();
      checkRevision(input.RevisionId, revisionId, 'GetPolicy');
      return undefined;
    },
    () => noPolicyOf(context, target.name),
  );
  return { output: {} };
};
