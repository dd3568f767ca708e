import { noPolicy, policyText } from '../access/resource-policy.ts';
import { findLayerVersion } from '../functions/layer-policy.ts';
import { checkLayerVersionNumber, parseLayerName } from '../layers/layer-name.ts';
import type { Operation } from './operation.ts';

export const getLayerVersionPolicy: Operation<'GetLayerVersionPolicy'> = async (context, input) => {
  checkLayerVersionNumber(input.VersionNumber);
  const name = parseLayerName(context, input.LayerName, 'lambda:GetLayerVersionPolicy');
  const { body } = await findLayerVersion(context.services.metadata, context, name, input.VersionNumber);
  if (!body.policy) throw noPolicy();
  return { output: { Policy: policyText(body.policy), RevisionId: body.policy.revisionId } };
};
