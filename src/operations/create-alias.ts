import { aliasArn, checkAliasTargets, routingOf, viewAlias } from '../functions/alias-routing.ts';
import { changeFunction } from '../functions/change-function.ts';
import { parseUnqualified } from '../functions/function-name.ts';
import { aliasKey, readAlias } from '../functions/keys.ts';
import type { AliasBody } from '../functions/records.ts';
import { ApiError } from '../model/api-error.ts';
import type { Operation } from './operation.ts';

export const createAlias: Operation<'CreateAlias'> = async (context, input) => {
  const { services } = context;
  const { metadata, ids } = services;
  const functionName = parseUnqualified(context, input.FunctionName);
  const routing = routingOf(input.FunctionVersion, input.RoutingConfig ?? {});
  const alias: AliasBody = {
    functionName,
    name: input.Name,
    functionVersion: input.FunctionVersion,
    description: input.Description ?? '',
    ...(routing === undefined ? {} : { routing }),
    revisionId: ids.uuid(),
  };
  await changeFunction(services, context, functionName, async () => {
    await checkAliasTargets(metadata, context, alias);
    if (await readAlias(metadata, context, functionName, alias.name))
      throw new ApiError(
        'ResourceConflictException',
        `Alias already exists: ${aliasArn(context, functionName, alias.name)}`,
      );
    await metadata.commit([{ type: 'put', key: aliasKey(context, functionName, alias.name), body: alias, expect: 0 }]);
  });
  return { output: viewAlias(context, alias) };
};
