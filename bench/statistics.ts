import type { Aim } from './aim.ts';

/** The middle of the values; of an even number the mean of the two middle ones. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const high = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : (high + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** The value below which `share` (0 to 1) of the values lie. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** One measurement of both sides, one right after the other. */
export interface Block {
  readonly ours: number;
  readonly bare: number;
}

export interface Row {
  readonly what: string;
  readonly ours: number;
  readonly bare: number;
  readonly unit: string;
  /** Ours divided by the bare baseline of the same run: median of the blocks' ratios. */
  readonly ratio: number;
  readonly aim: Aim;
  readonly blocks: readonly Block[];
}

/** A row that this machine cannot have. */
export interface MissingRow {
  readonly what: string;
  readonly aim: Aim;
  /** What is not there. */
  readonly lacks: string;
}

/** Median figures of interleaved blocks, and the median of the ratios block by block. */
export function row(what: string, unit: string, aim: Aim, blocks: readonly Block[]): Row {
  return {
    what,
    unit,
    aim,
    ours: median(blocks.map((block) => block.ours)),
    bare: median(blocks.map((block) => block.bare)),
    ratio: median(blocks.map((block) => block.ours / block.bare)),
    blocks,
  };
}
