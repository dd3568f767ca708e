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

export interface Row {
  readonly what: string;
  readonly ours: number;
  readonly bare: number;
  readonly unit: string;
  /** Ours divided by the bare baseline of the same run: median of the blocks' ratios. */
  readonly ratio: number;
  readonly aim: string;
}

/** Median figures of interleaved blocks, and the median of the ratios block by block. */
export function row(what: string, unit: string, aim: string, blocks: readonly { ours: number; bare: number }[]): Row {
  return {
    what,
    unit,
    aim,
    ours: median(blocks.map((block) => block.ours)),
    bare: median(blocks.map((block) => block.bare)),
    ratio: median(blocks.map((block) => block.ours / block.bare)),
  };
}

export function printRows(rows: readonly Row[]): void {
  const lines = rows.map((entry) => [
    entry.what,
    `${entry.ours.toFixed(2)} ${entry.unit}`,
    `${entry.bare.toFixed(2)} ${entry.unit}`,
    entry.ratio.toFixed(2),
    entry.aim,
  ]);
  const table = [['measure', 'lambdad', 'bare', 'ratio', 'aim'], ...lines];
  const widths = (table[0] as string[]).map((_, column) =>
    Math.max(...table.map((cells) => (cells[column] as string).length)),
  );
  for (const cells of table) console.log(cells.map((cell, column) => cell.padEnd(widths[column] as number)).join('  '));
}
