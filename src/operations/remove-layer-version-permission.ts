import { withoutStatement } from '../access/resource-policy.ts';
import { changeLayerPolicy } from '../functions/layer-policy.ts';
import { checkRevision } from '../functions/preconditions.ts';
import { checkLayerVersionNumber, parseLayerName } from '../layers/layer-name.ts';
import type { Operation } from './operation.ts';

/** With the last statement the policy goes. */
export const removeLayerVersionPermission: Operation<'RemoveLayerVersionPermission'> = async (context, input) => {
  const { VersionNumber: version, StatementId, RevisionId } = input;
  checkLayerVersionNumber(version);
  const name = parseLayerName(context, input.LayerName, 'lambda:RemoveLayerVersionPermission');
  await changeLayerPolicy(context.services, context, { name, version }, (policy) => {
    const rest = withoutStatement(policy, StatementId);
    checkRevision(RevisionId, policy?.revisionId, 'GetLayerPolicy');
    return rest;
  });
  return { output: {} };
};
