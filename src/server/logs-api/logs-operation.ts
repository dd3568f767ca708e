import type { Clock } from '../../base/clock.ts';
import type { LogStore } from '../../logs/log-store.ts';
import type { LogsOperationName } from '../../model/logs-shapes.gen.ts';
import type { OperationInputs, OperationOutputs } from '../../model/logs-types.gen.ts';

/** What an operation works with: whose logs, and where they are. */
export interface LogsContext {
  readonly store: LogStore;
  readonly clock: Clock;
  readonly account: string;
  readonly region: string;
}

/**
 * One operation. Its input is of the model's types and holds to the model's constraints; undefined answers with an empty
 * body. Throws LogsError for what the caller did, LogStoreUnavailable where the disk refuses.
 */
export type LogsOperation<Name extends LogsOperationName> = (
  context: LogsContext,
  input: OperationInputs[Name],
) => Promise<OperationOutputs[Name] | undefined>;

/** All that are served, by name. */
export type LogsOperations = { readonly [Name in LogsOperationName]: LogsOperation<Name> };
