import { viewAlias } from '../functions/alias-routing.ts';
import { parseUnqualified } from '../functions/function-name.ts';
import { walk } from '../functions/keys.ts';
import { readMarker, takePage } from '../functions/paging.ts';
import { type AliasBody, aliasId } from '../functions/records.ts';
import { findFunction } from '../functions/resolve.ts';
import type { Operation, OperationContext } from './operation.ts';

/** With FunctionVersion, only the aliases whose main version it is; 50 at most. */
export const listAliases: Operation<'ListAliases'> = async (context, input) => {
  const functionName = parseUnqualified(context, input.FunctionName);
  await findFunction(context.services.metadata, context, functionName);
  const [after] = readMarker(input.Marker);
  const aliases = aliasesOf(context, functionName, input.FunctionVersion, after);
  const { items, nextMarker } = await takePage(aliases, input.MaxItems, (alias) => [alias.name]);
  return {
    output: {
      ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
      Aliases: items.map((alias) => viewAlias(context, alias)),
    },
  };
};

async function* aliasesOf(
  context: OperationContext,
  functionName: string,
  functionVersion: string | undefined,
  after: string | undefined,
): AsyncGenerator<AliasBody> {
  const position = after === undefined ? {} : { after: aliasId(functionName, after) };
  const options = { prefix: aliasId(functionName, ''), ...position };
  for await (const { body } of walk(context.services.metadata, context, 'alias', options))
    if (functionVersion === undefined || body.functionVersion === functionVersion) yield body;
}
