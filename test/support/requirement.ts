/** The full checks run where CI=true: there, what a test needs and does not find is a failure. */
export const everythingRequired = process.env['CI'] === 'true';

/**
 * The `skip` option of a test that needs something of the machine: false when it is there, otherwise the reason, which
 * the run shows. Throws the reason under CI, so that no check falls silent there.
 */
export function skipUnless(there: boolean, reason: string): string | false {
  if (there) return false;
  if (everythingRequired) throw new Error(`this run must have it: ${reason}`);
  return reason;
}
