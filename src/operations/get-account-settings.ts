import { accountUsage } from '../functions/account-usage.ts';
import { concurrencyTaken } from '../functions/provisioned-concurrency-sums.ts';
import type { Operation } from './operation.ts';

export const getAccountSettings: Operation<'GetAccountSettings'> = async (context) => {
  const { metadata, limits } = context.services;
  const usage = await accountUsage(metadata, context);
  const taken = await concurrencyTaken(metadata, context);
  return {
    output: {
      AccountLimit: {
        TotalCodeSize: limits.totalCodeSizeBytes,
        CodeSizeUnzipped: limits.codeSizeUnzippedBytes,
        CodeSizeZipped: limits.codeSizeZippedBytes,
        ConcurrentExecutions: limits.concurrentExecutions,
        UnreservedConcurrentExecutions: limits.concurrentExecutions - taken,
      },
      AccountUsage: { TotalCodeSize: usage.codeBytes, FunctionCount: usage.functions },
    },
  };
};
