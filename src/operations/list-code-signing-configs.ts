import { type CodeSigningBody, viewCodeSigning } from '../functions/code-signing-config.ts';
import { readMarker, takePage } from '../functions/paging.ts';
import { walkRecords } from '../store/namespace.ts';
import type { Operation, OperationContext } from './operation.ts';

export const listCodeSigningConfigs: Operation<'ListCodeSigningConfigs'> = async (context, input) => {
  const [after] = readMarker(input.Marker);
  const { items, nextMarker } = await takePage(configs(context, after), input.MaxItems, ({ id }) => [id]);
  return {
    output: {
      ...(nextMarker === undefined ? {} : { NextMarker: nextMarker }),
      CodeSigningConfigs: items.map((body) => viewCodeSigning(context, body)),
    },
  };
};

async function* configs(context: OperationContext, after: string | undefined): AsyncGenerator<CodeSigningBody> {
  const options = after === undefined ? {} : { after };
  const records = walkRecords<CodeSigningBody>(context.services.metadata, context, 'code-signing-config', options);
  for await (const { body } of records) yield body;
}
