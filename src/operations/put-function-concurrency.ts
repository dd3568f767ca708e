import { accountUsage } from '../functions/account-usage.ts';
import { changeFunction, putFunction } from '../functions/change-function.ts';
import { parseUnqualified } from '../functions/function-name.ts';
import { findFunction } from '../functions/resolve.ts';
import { invalidParameter } from '../model/api-error.ts';
import type { Operation } from './operation.ts';

/** Reservations may not leave less than the unreserved minimum to the functions without one (lambda-facts 9.1). */
export const putFunctionConcurrency: Operation<'PutFunctionConcurrency'> = async (context, input) => {
  const { account, region, services } = context;
  const { metadata, limits, locks } = services;
  const name = parseUnqualified(context, input.FunctionName);
  const reserved = input.ReservedConcurrentExecutions;
  // Two reservations at once could each fit and not both: one after the other in one account. `#` is in no name.
  await locks.run(`${account}/${region}/#reservations`, () =>
    changeFunction(services, context, name, async () => {
      const read = await findFunction(metadata, context, name);
      const others = (await accountUsage(metadata, context, name)).reservedConcurrency;
      if (reserved > 0 && limits.concurrentExecutions - others - reserved < limits.unreservedConcurrencyMin)
        throw invalidParameter(
          `Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [${limits.unreservedConcurrencyMin}].`,
        );
      await metadata.commit([putFunction(context, read, { ...read.body, reservedConcurrency: reserved })]);
    }),
  );
  return { output: { ReservedConcurrentExecutions: reserved } };
};
