import { callbackNotFound } from '../functions/durable-execution.ts';
import type { Operation } from './operation.ts';

export const sendDurableExecutionCallbackSuccess: Operation<'SendDurableExecutionCallbackSuccess'> = async (
  _context,
  input,
) => {
  throw callbackNotFound(input.CallbackId);
};
