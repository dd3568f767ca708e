import { everythingRequired } from '../support/requirement.ts';

/** How much of a proof is run: all of it by `npm run proof`, most under CI, a little with every other run. */
export type Extent = 'reduced' | 'full' | 'longest';

const told = process.env['PROOF_EXTENT'];

export const extent: Extent =
  told === 'full' || told === 'longest' || told === 'reduced' ? told : everythingRequired ? 'full' : 'reduced';

/** The number for this run's extent. */
export function byExtent(numbers: Readonly<Record<Extent, number>>): number {
  return numbers[extent];
}

/** The `skip` option of a test of which `npm test` tells the most by a shorter one. */
export const inFullOnly: string | false = extent === 'reduced' ? 'part of the full checks (.ci/run)' : false;

/** `PROOF_SEED` of the run; a fixed one otherwise, but for the longest runs, which try something new each time. */
export const proofSeed = Number(process.env['PROOF_SEED'] ?? (extent === 'longest' ? Date.now() % 1_000_000_007 : 1));
