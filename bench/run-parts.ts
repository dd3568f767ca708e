import { type PartReport, tableOf } from './report.ts';
import type { MissingRow, Row } from './statistics.ts';

type Found = Row | MissingRow;

/** Tells its rows at its end, or each as soon as it is there. */
export type Part = () => Promise<readonly Found[]> | AsyncIterable<Found>;

/**
 * Runs parts one after the other. One that throws is reported, with the rows that it had told, and the others go on. `done`
 * hears after each of all so far.
 */
export async function runParts(
  parts: readonly (readonly [name: string, part: Part])[],
  done: (reports: readonly PartReport[]) => void,
): Promise<readonly PartReport[]> {
  const reports: PartReport[] = [];
  for (const [part, measure] of parts) {
    const startedMs = performance.now();
    const took = () => Number(((performance.now() - startedMs) / 1000).toFixed(1));
    const rows: Found[] = [];
    try {
      const told = measure();
      if (Symbol.asyncIterator in told) for await (const row of told) rows.push(row);
      else rows.push(...(await told));
      reports.push({ part, tookS: took(), rows });
    } catch (error) {
      const failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
      reports.push({ part, tookS: took(), rows, failure });
    }
    done(reports);
  }
  return reports;
}

/** What a run says at its end, and its exit code: 1 when something could not be measured. An aim that is missed is none of it. */
export function conclusionOf(reports: readonly PartReport[]): {
  readonly lines: readonly string[];
  readonly exitCode: number;
} {
  const failed = reports.filter(({ failure }) => failure !== undefined);
  const lines = failed.map(({ part, failure }) => `${part} could not be measured: ${failure}`);
  return { lines: [...tableOf(reports), ...lines], exitCode: failed.length > 0 ? 1 : 0 };
}
