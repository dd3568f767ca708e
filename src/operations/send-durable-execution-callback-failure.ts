import { callbackNotFound } from '../functions/durable-execution.ts';
import type { Operation } from './operation.ts';

export const sendDurableExecutionCallbackFailure: Operation<'SendDurableExecutionCallbackFailure'> = async (
  _context,
  input,
) => {
  throw callbackNotFound(input.CallbackId);
};
