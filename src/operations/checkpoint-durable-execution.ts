import { checkpointTokenInvalid } from '../functions/durable-execution.ts';
import type { Operation } from './operation.ts';

export const checkpointDurableExecution: Operation<'CheckpointDurableExecution'> = async (context, input) => {
  throw checkpointTokenInvalid(context, input.DurableExecutionArn);
};
