import { permissionStatement } from '../access/policy-statement.ts';
import { withStatement } from '../access/resource-policy.ts';
import { changeLayerPolicy, findLayerVersion } from '../functions/layer-policy.ts';
import { checkRevision } from '../functions/preconditions.ts';
import { checkLayerVersionNumber, layerVersionArn, parseLayerName } from '../layers/layer-name.ts';
import { invalidParameter } from '../model/api-error.ts';
import type { Operation } from './operation.ts';

/** An organisation narrows down everyone; AWS's own text for one beside an account was not recorded. */
export const addLayerVersionPermission: Operation<'AddLayerVersionPermission'> = async (context, input) => {
  const { services, region } = context;
  const { VersionNumber: version, OrganizationId: organization, StatementId, Action, Principal } = input;
  checkLayerVersionNumber(version);
  const name = parseLayerName(context, input.LayerName, 'lambda:AddLayerVersionPermission');
  await findLayerVersion(services.metadata, context, name, version);
  if (organization !== undefined && Principal !== '*')
    throw invalidParameter("OrganizationId can only be specified if Principal is '*'.");
  const permission = { StatementId, Action, Principal, PrincipalOrgID: organization };
  const statement = permissionStatement(permission, layerVersionArn(context, name, version), region);
  const revisionId = await changeLayerPolicy(services, context, { name, version }, (policy) => {
    const grown = withStatement(policy, statement);
    checkRevision(input.RevisionId, policy?.revisionId, 'GetLayerPolicy');
    return grown;
  });
  return { output: { Statement: JSON.stringify(statement), RevisionId: revisionId } };
};
