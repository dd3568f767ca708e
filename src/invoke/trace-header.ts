import type { Clock } from '../base/clock.ts';
import type { Ids } from '../base/ids.ts';

const HEADER_LENGTH_MAX = 2048;

/**
 * The X-Amzn-Trace-Id of an invoke: the caller's when it names a root, otherwise a new one that is not sampled.
 * Form: `Root=1-<8 hex of the second>-<24 hex>;Parent=<16 hex>;Sampled=0|1` (lambda-facts 7.1), to which the lineage comes.
 */
export function traceHeaderOf(given: string | undefined, clock: Clock, ids: Ids): string {
  if (
    given !== undefined &&
    given.length <= HEADER_LENGTH_MAX &&
    /(^|;)\s*Root=1-[0-9a-f]{8}-[0-9a-f]{24}\s*(;|$)/.test(given)
  )
    return given;
  const second = Math.floor(clock.now() / 1000)
    .toString(16)
    .padStart(8, '0');
  const digits = ids.hex(40);
  return `Root=1-${second}-${digits.slice(0, 24)};Parent=${digits.slice(24)};Sampled=0`;
}
