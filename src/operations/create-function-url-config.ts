import { changeFunction } from '../functions/change-function.ts';
import { parseQualified } from '../functions/function-name.ts';
import {
  checkUrlAllowed,
  findUrlOwner,
  functionUrlKey,
  readFunctionUrl,
  URL_ID_DIGITS,
  urlExists,
  viewFunctionUrl,
  withUrlSettings,
} from '../functions/function-url.ts';
import type { Operation } from './operation.ts';

/** Gives a function or an alias an address. The permission to call it is another matter (lambda-facts 7.4). */
export const createFunctionUrlConfig: Operation<'CreateFunctionUrlConfig'> = async (context, input) => {
  const { services } = context;
  const { metadata, clock, ids } = services;
  const owner = parseQualified(context, input.FunctionName, input.Qualifier);
  const { name, qualifier } = owner;
  const now = clock.now();
  const urlId = ids.hex(URL_ID_DIGITS);
  const body = withUrlSettings(
    { functionName: name, qualifier, urlId, authType: input.AuthType, createdAt: now, lastModified: now },
    input,
  );
  await changeFunction(services, context, name, async () => {
    checkUrlAllowed(await findUrlOwner(metadata, context, owner));
    if (await readFunctionUrl(metadata, context, owner)) throw urlExists(context, owner);
    await metadata.commit([{ type: 'put', key: functionUrlKey(context, owner), body, expect: 0 }]);
  });
  const { LastModifiedTime: _notInThisAnswer, ...output } = viewFunctionUrl(context, body);
  return { output };
};
