import { aliasArn, checkAliasTargets, checkRouting, routingOf, viewAlias } from '../functions/alias-routing.ts';
import { changeFunction } from '../functions/change-function.ts';
import { parseUnqualified } from '../functions/function-name.ts';
import { aliasKey, readAlias } from '../functions/keys.ts';
import { checkRevision } from '../functions/preconditions.ts';
import { checkProvisionedMove } from '../functions/provisioned-concurrency.ts';
import type { AliasBody } from '../functions/records.ts';
import { applyProvisioned } from '../invoke/provisioned-plan.ts';
import { notFound } from '../model/api-error.ts';
import type { Operation } from './operation.ts';

/** Members left out stay as they are; an empty RoutingConfig takes the routing away. */
export const updateAlias: Operation<'UpdateAlias'> = async (context, input) => {
  const { services } = context;
  const { metadata, ids } = services;
  const functionName = parseUnqualified(context, input.FunctionName);
  const updated = await changeFunction(services, context, functionName, async () => {
    const read = await readAlias(metadata, context, functionName, input.Name);
    if (!read) throw notFound(`Alias not found: ${aliasArn(context, functionName, input.Name)}`);
    checkRevision(input.RevisionId, read.body.revisionId);
    const { routing: before, ...rest } = read.body;
    const functionVersion = input.FunctionVersion ?? rest.functionVersion;
    const routing = input.RoutingConfig === undefined ? before : routingOf(functionVersion, input.RoutingConfig);
    if (routing !== undefined) checkRouting(functionVersion, routing.version);
    const alias: AliasBody = {
      ...rest,
      functionVersion,
      description: input.Description ?? rest.description,
      ...(routing === undefined ? {} : { routing }),
      revisionId: ids.uuid(),
    };
    await checkAliasTargets(metadata, context, alias);
    await checkProvisionedMove(metadata, context, alias);
    const key = aliasKey(context, functionName, alias.name);
    await metadata.commit([{ type: 'put', key, body: alias, expect: read.revision }]);
    if (functionVersion !== rest.functionVersion) await applyProvisioned(services, context, functionName);
    return alias;
  });
  return { output: viewAlias(context, updated) };
};
