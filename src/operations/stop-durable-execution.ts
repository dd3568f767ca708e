import { executionNotFound } from '../functions/durable-execution.ts';
import type { Operation } from './operation.ts';

export const stopDurableExecution: Operation<'StopDurableExecution'> = async (context, input) => {
  throw executionNotFound(context, input.DurableExecutionArn);
};
