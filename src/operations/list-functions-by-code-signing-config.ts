import { functionArn } from '../base/arn.ts';
import { findCodeSigningConfig, functionsSignedUnder } from '../functions/code-signing-config.ts';
import { readMarker, takePage } from '../functions/paging.ts';
import type { Operation } from './operation.ts';

export const listFunctionsByCodeSigningConfig: Operation<'ListFunctionsByCodeSigningConfig'> = async (
  context,
  input,
) => {
  const { account, region, services } = context;
  const arn = input.CodeSigningConfigArn;
  await findCodeSigningConfig(services.metadata, context, arn);
  const [after] = readMarker(input.Marker);
  const names = functionsSignedUnder(services.metadata, context, arn, after);
  const { items, nextMarker } = await takePage(names, input.MaxItems, (name) => [name]);
  return {
    output: {
      ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
      FunctionArns: items.map((name) => functionArn(region, account, name)),
    },
  };
};
