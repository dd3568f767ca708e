import { appendFileSync } from 'node:fs';

/** Tells a figure to who runs the proofs: a line of JSON in the file that PROOF_FIGURES names. */
export function tellFigure(what: string, value: number | string, aim = ''): void {
  const file = process.env['PROOF_FIGURES'];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ what, value, aim })}\n`);
}

/** The value below which `share` (0 to 1) of the values lie. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
