import { changeFunction } from '../functions/change-function.ts';
import { parseQualified } from '../functions/function-name.ts';
import {
  findFunctionUrl,
  findUrlOwner,
  functionUrlKey,
  viewFunctionUrl,
  withUrlSettings,
} from '../functions/function-url.ts';
import type { Operation } from './operation.ts';

/** Changes what is given and keeps the rest, the address above all. */
export const updateFunctionUrlConfig: Operation<'UpdateFunctionUrlConfig'> = async (context, input) => {
  const { services } = context;
  const { metadata, clock } = services;
  const owner = parseQualified(context, input.FunctionName, input.Qualifier);
  const body = await changeFunction(services, context, owner.name, async () => {
    await findUrlOwner(metadata, context, owner);
    const before = await findFunctionUrl(metadata, context, owner);
    const after = { ...withUrlSettings(before.body, input), lastModified: clock.now() };
    await metadata.commit([{ type: 'put', key: functionUrlKey(context, owner), body: after, expect: before.revision }]);
    return after;
  });
  return { output: viewFunctionUrl(context, body) };
};
