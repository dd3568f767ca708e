import { failuresIn } from '../batch-failures.ts';
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
  const named = failuresIn(payload);
  return named === 'malformed' || named.some((id) => !all.has(id)) ? all : new Set(named);
}

const NONE: ReadonlySet<string> = new Set();
