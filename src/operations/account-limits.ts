import type { AccountLimits } from './operation.ts';

/** Quotas of an account as AWS gives them to a new one (lambda-facts 5.4). */
const CODE_SIZE_ZIPPED_BYTES = 52_428_800;
const CODE_SIZE_UNZIPPED_BYTES = 262_144_000;
const UNRESERVED_CONCURRENCY_MIN = 100;

/** The quotas of every account, where two of them are settings of the server. */
export function accountLimits({
  concurrency,
  codeStorageBytes,
}: {
  readonly concurrency: number;
  readonly codeStorageBytes: number;
}): AccountLimits {
  return {
    concurrentExecutions: concurrency,
    unreservedConcurrencyMin: Math.min(UNRESERVED_CONCURRENCY_MIN, concurrency),
    totalCodeSizeBytes: codeStorageBytes,
    codeSizeUnzippedBytes: CODE_SIZE_UNZIPPED_BYTES,
    codeSizeZippedBytes: CODE_SIZE_ZIPPED_BYTES,
  };
}
