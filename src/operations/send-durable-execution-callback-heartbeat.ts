import { callbackNotFound } from '../functions/durable-execution.ts';
import type { Operation } from './operation.ts';

export const sendDurableExecutionCallbackHeartbeat: Operation<'SendDurableExecutionCallbackHeartbeat'> = async (
  _context,
  input,
) => {
  throw callbackNotFound(input.CallbackId);
};
