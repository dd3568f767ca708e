import { accountUsage } from '../functions/account-usage.ts';
import type { Operation } from './operation.ts';

export const getAccountSettings: Operation<'GetAccountSettings'> = async (context) => {
  const { metadata, limits } = context.services;
  const usage = await accountUsage(metadata, context);
  return {
    output: {
      AccountLimit: {
        TotalCodeSize: limits.totalCodeSizeBytes,
        CodeSizeUnzipped: limits.codeSizeUnzippedBytes,
        CodeSizeZipped: limits.codeSizeZippedBytes,
        ConcurrentExecutions: limits.concurrentExecutions,
        UnreservedConcurrentExecutions: limits.concurrentExecutions - usage.reservedConcurrency,
      },
      AccountUsage: { TotalCodeSize: usage.codeBytes, FunctionCount: usage.functions },
    },
  };
};
