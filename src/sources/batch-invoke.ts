import type { Ids } from '../base/ids.ts';
import { checkInvocable } from '../functions/preconditions.ts';
import { resolveInvoke } from '../functions/resolve.ts';
import type { Invoker } from '../invoke/invoker.ts';
import { ApiError } from '../model/api-error.ts';
import type { MetadataStore } from '../store/metadata.ts';
import type { Namespace } from '../store/namespace.ts';
import { type FunctionOfMapping, mappedFunctionArn } from './mapping-record.ts';
import type { BatchOutcome } from './mapping-run.ts';

export interface BatchInvokeTools {
  readonly metadata: MetadataStore;
  readonly invoker: Pick<Invoker, 'invoke'>;
  readonly ids: Ids;
  /** The server is to end: what it does to a function then is not the function's failure. */
  readonly isClosing: () => boolean;
}

/**
 * Invokes a mapping's function with a batch, through the same invoker and so within the same limits as everybody else.
 * A function that is gone, or cannot run at present, is no failure of the batch (lambda-facts 8.3). A batch that went
 * round in a loop is one: what becomes of it then is for the source's own redrive or the failure destination.
 */
export async function invokeBatch(
  { metadata, invoker, ids, isClosing }: BatchInvokeTools,
  namespace: Namespace,
  reference: FunctionOfMapping,
  payload: Uint8Array,
  traceHeader: string | undefined,
): Promise<BatchOutcome> {
  const requestId = ids.uuid();
  const functionArn = mappedFunctionArn(namespace, reference);
  try {
    const target = await resolveInvoke(metadata, ids, namespace, reference.functionName, reference.qualifier);
    checkInvocable(target.version);
    const traced = traceHeader === undefined ? {} : { traceHeader };
    const outcome = await invoker.invoke(target, { requestId, payload, tail: false, ...traced });
    const { executedVersion, functionError } = outcome;
    if (functionError !== undefined && isClosing()) return { type: 'unavailable', message: 'lambdad is closing' };
    const failed = functionError === undefined ? {} : { functionError };
    return { type: 'answered', requestId, functionArn, executedVersion, payload: outcome.payload, ...failed };
  } catch (error) {
    const { name, message } = error as Error;
    if (!(error instanceof ApiError)) return { type: 'unavailable', message };
    if (name === 'TooManyRequestsException') return { type: 'throttled' };
    if (name !== 'RecursiveInvocationException') return { type: 'unavailable', message };
    const executedVersion = reference.qualifier ?? '$LATEST';
    const said = Buffer.from(JSON.stringify({ errorMessage: message, errorType: name }));
    return { type: 'answered', requestId, functionArn, executedVersion, functionError: 'Unhandled', payload: said };
  }
}

/** Role of the function, as it is now; undefined where the function is gone. */
export async function roleOf(
  { metadata, ids }: Pick<BatchInvokeTools, 'metadata' | 'ids'>,
  namespace: Namespace,
  { functionName, qualifier }: FunctionOfMapping,
): Promise<string | undefined> {
  try {
    const { version } = await resolveInvoke(metadata, ids, namespace, functionName, qualifier);
    return version.settings.role;
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}
