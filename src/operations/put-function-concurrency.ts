import { changeFunction, putFunction } from '../functions/change-function.ts';
import { parseUnqualified } from '../functions/function-name.ts';
import { checkReservationFits, concurrencyLock } from '../functions/provisioned-concurrency-sums.ts';
import { findFunction } from '../functions/resolve.ts';
import type { Operation } from './operation.ts';

/** Reservations may not leave less than the unreserved minimum to the functions without one (lambda-facts 9.1). */
export const putFunctionConcurrency: Operation<'PutFunctionConcurrency'> = async (context, input) => {
  const { services } = context;
  const { metadata, limits, locks } = services;
  const name = parseUnqualified(context, input.FunctionName);
  const reserved = input.ReservedConcurrentExecutions;
  // Two reservations at once could each fit and not both: one after the other in one account.
  await changeFunction(services, context, name, () =>
    locks.run(concurrencyLock(context), async () => {
      const read = await findFunction(metadata, context, name);
      await checkReservationFits(metadata, context, limits, name, reserved);
      await metadata.commit([putFunction(context, read, { ...read.body, reservedConcurrency: reserved })]);
    }),
  );
  return { output: { ReservedConcurrentExecutions: reserved } };
};
