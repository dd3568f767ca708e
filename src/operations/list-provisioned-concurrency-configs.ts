import { functionArn } from '../base/arn.ts';
import { parseUnqualified } from '../functions/function-name.ts';
import { readMarker, takePage } from '../functions/paging.ts';
import { type ProvisionedBody, viewProvisioned, walkProvisioned } from '../functions/provisioned-concurrency.ts';
import { findFunction } from '../functions/resolve.ts';
import type { Operation, OperationContext } from './operation.ts';

export const listProvisionedConcurrencyConfigs: Operation<'ListProvisionedConcurrencyConfigs'> = async (
  context,
  input,
) => {
  const { account, region, services } = context;
  const name = parseUnqualified(context, input.FunctionName);
  await findFunction(services.metadata, context, name);
  const [after] = readMarker(input.Marker);
  const { items, nextMarker } = await takePage(configsOf(context, name, after), input.MaxItems, (body) => [
    body.qualifier,
  ]);
  return {
    output: {
      ProvisionedConcurrencyConfigs: items.map((body) => ({
        FunctionArn: functionArn(region, account, name, body.qualifier),
        ...viewProvisioned(body, services.invoker.provisioned(context, name, body.qualifier)),
      })),
      ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
    },
  };
};

async function* configsOf(
  context: OperationContext,
  name: string,
  after: string | undefined,
): AsyncGenerator<ProvisionedBody> {
  for await (const { body } of walkProvisioned(context.services.metadata, context, name, after)) yield body;
}
