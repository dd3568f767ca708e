import { checkpointTokenInvalid } from '../functions/durable-execution.ts';
import type { Operation } from './operation.ts';

export const getDurableExecutionState: Operation<'GetDurableExecutionState'> = async (context, input) => {
  throw checkpointTokenInvalid(context, input.DurableExecutionArn);
};
