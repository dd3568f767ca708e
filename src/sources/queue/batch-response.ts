import type { MappingSettings } from '../mapping-record.ts';
import type { BatchOutcome } from '../mapping-run.ts';
import type { SourceRecord } from '../source-port.ts';

type Answer = Extract<BatchOutcome, { readonly type: 'answered' }>;

/**
 * The ids of the messages that failed (lambda-facts 8.3). Without ReportBatchItemFailures a batch fails or succeeds as
 * a whole; with it the function's response names the failed ones, and one that cannot be understood fails them all.
 */
export function failedIds(
  { functionError, payload }: Answer,
  batch: readonly SourceRecord[],
  responseTypes: MappingSettings['FunctionResponseTypes'],
): ReadonlySet<string> {
  const all = new Set(batch.map(({ id }) => id));
  if (functionError !== undefined) return all;
  if (!responseTypes?.includes('ReportBatchItemFailures')) return NONE;
  const named = namedFailures(payload);
  return named === undefined || named.some((id) => !all.has(id)) ? all : new Set(named);
}

const NONE: ReadonlySet<string> = new Set();

/** Undefined for a response that says nothing that is understood. */
function namedFailures(payload: Uint8Array): readonly string[] | undefined {
  if (payload.byteLength === 0) return [];
  let response: unknown;
  try {
    response = JSON.parse(Buffer.from(payload).toString());
  } catch {
    return undefined;
  }
  // An empty text is an empty response.
  if (response === null || response === '') return [];
  if (typeof response !== 'object' || Array.isArray(response)) return undefined;
  if (Object.keys(response).length === 0) return [];
  const { batchItemFailures: failures } = response as { readonly batchItemFailures?: unknown };
  if (failures === null) return [];
  if (!Array.isArray(failures)) return undefined;
  const ids = failures.map((failure: unknown) => Object(failure).itemIdentifier as unknown);
  return ids.every((id): id is string => typeof id === 'string' && id !== '') ? ids : undefined;
}
