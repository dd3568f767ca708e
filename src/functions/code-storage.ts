import type { Clock } from '../base/clock.ts';
import { ApiError } from '../model/api-error.ts';
import type { MetadataStore } from '../store/metadata.ts';
import type { Namespace } from '../store/namespace.ts';
import { accountUsage } from './account-usage.ts';

/** How long a sum over all functions is good for; in between, what is added is added to it. */
const SUM_GOOD_MS = 60_000;

/** Namespaces whose sum is remembered; beyond that all are forgotten and added up again. */
const NAMESPACES_MAX = 1_000;

interface Sum {
  readonly atMs: number;
  readonly bytes: number;
}

const sums = new WeakMap<MetadataStore, Map<string, Sum>>();

/**
 * Counts code of `addedBytes` against the account's storage. The sum over all functions is taken once a minute, so
 * that creating a thousand functions does not add up a thousand sums; near the limit that makes the check late by what
 * was deleted or added within a minute. Throws CodeStorageExceededException.
 */
export async function checkCodeStorage(
  { metadata, clock }: { readonly metadata: MetadataStore; readonly clock: Clock },
  namespace: Namespace,
  addedBytes: number,
  bytesMax: number,
): Promise<void> {
  const known = sums.get(metadata) ?? new Map<string, Sum>();
  sums.set(metadata, known);
  if (known.size >= NAMESPACES_MAX) known.clear();
  const name = `${namespace.account}/${namespace.region}`;
  const now = clock.now();
  let sum = known.get(name);
  if (!sum || now - sum.atMs > SUM_GOOD_MS || sum.bytes + addedBytes > bytesMax)
    sum = { atMs: now, bytes: (await accountUsage(metadata, namespace)).codeBytes };
  if (sum.bytes + addedBytes > bytesMax)
    throw new ApiError('CodeStorageExceededException', 'Code storage limit exceeded.');
  known.set(name, { atMs: sum.atMs, bytes: sum.bytes + addedBytes });
}
