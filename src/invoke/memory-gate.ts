import { availableMemory } from 'node:process';
import type { Clock } from '../base/clock.ts';

/**
 * Whether the machine has memory for one more execution environment, by what is really free and not by the sum of
 * MemorySize: most functions use a fraction of theirs. A reserve is never given out.
 */
const READ_INTERVAL_MS = 50;
/** What an environment is expected to need before one of its version was measured: a runtime and little more. */
export const UNMEASURED_BYTES = 48 * 1_048_576;

export interface MemoryGate {
  /** True when `bytes` more may be taken now; they count as taken until given back. */
  take(bytes: number): boolean;
  /** The environment runs, and what it uses shows in the measurement; or it never came to be. */
  giveBack(bytes: number): void;
}

export function memoryGate(
  reserveBytes: number,
  clock: Clock,
  measure: () => number = () => availableMemory(),
): MemoryGate {
  let availableBytes = 0;
  let readAt = Number.NEGATIVE_INFINITY;
  let promisedBytes = 0;
  return {
    take: (bytes) => {
      const now = clock.monotonic();
      if (now - readAt >= READ_INTERVAL_MS) {
        availableBytes = measure();
        readAt = now;
      }
      if (availableBytes - promisedBytes - bytes < reserveBytes) return false;
      promisedBytes += bytes;
      return true;
    },
    giveBack: (bytes) => {
      promisedBytes -= bytes;
    },
  };
}
