/** What a run has found, for a reader and for a program. bench/README.md tells how to read both. */
import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { isMet } from './aim.ts';
import type { MissingRow, Row } from './statistics.ts';

export interface Machine {
  /** ISO 8601, when the run began. */
  readonly date: string;
  /** Of the checkout, with a `+` when files in it were changed; undefined outside one. */
  readonly commit?: string;
  readonly processors: number;
  readonly processorModel: string;
  readonly memoryMb: number;
  readonly kernel: string;
  readonly nodeVersion: string;
  /** Averages of the last 1, 5 and 15 minutes, before the first measurement: others' work on the machine. */
  readonly loadAverage: readonly number[];
}

/** One part of a run: what it measured, or why it could not. */
export interface PartReport {
  readonly part: string;
  readonly tookS: number;
  readonly rows: readonly (Row | MissingRow)[];
  /** What was thrown; the rows after it are not there then. */
  readonly failure?: string;
}

const MEGABYTE = 1_048_576;

export function describeMachine(now: Date = new Date()): Machine {
  const commit = commitOf(import.meta.dirname);
  return {
    date: now.toISOString(),
    ...(commit === undefined ? {} : { commit }),
    processors: availableParallelism(),
    processorModel: cpus()[0]?.model ?? 'unknown',
    memoryMb: Math.round(totalmem() / MEGABYTE),
    kernel: `${process.platform} ${release()} ${process.arch}`,
    nodeVersion: process.version,
    loadAverage: loadavg().map((value) => Number(value.toFixed(2))),
  };
}

function commitOf(cwd: string): string | undefined {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    const isChanged = git('status', '--porcelain', '--untracked-files=no') !== '';
    return `${git('rev-parse', '--short=12', 'HEAD')}${isChanged ? '+' : ''}`;
  } catch {
    return undefined;
  }
}

function isMissing(row: Row | MissingRow): row is MissingRow {
  return 'lacks' in row;
}

/** Lines of a table: each row with its aim and whether that is met. */
export function tableOf(parts: readonly PartReport[]): readonly string[] {
  const cells = parts.flatMap(({ rows }) => rows.map(cellsOf));
  const table = [['measure', 'lambdad', 'bare', 'ratio', 'aim', 'met'], ...cells];
  const widths = (table[0] as string[]).map((_, column) =>
    Math.max(...table.map((entry) => (entry[column] as string).length)),
  );
  const lines = table.map((entry) => entry.map((cell, at) => cell.padEnd(widths[at] as number)).join('  '));
  return lines.map((line) => line.trimEnd());
}

function cellsOf(row: Row | MissingRow): readonly string[] {
  if (isMissing(row)) return [row.what, `not here: ${row.lacks}`, '', '', row.aim, ''];
  const met = isMet(row.aim, row);
  return [
    row.what,
    `${row.ours.toFixed(2)} ${row.unit}`.trimEnd(),
    `${row.bare.toFixed(2)} ${row.unit}`.trimEnd(),
    row.ratio.toFixed(2),
    row.aim,
    met === undefined ? '' : met ? 'yes' : 'NO',
  ];
}

/** The text of the JSON file: machine, what each part took, rows with their blocks, and what could not be measured. */
export function jsonOf(machine: Machine, parts: readonly PartReport[]): string {
  const rows = parts.flatMap(({ part, rows }) =>
    rows.map((row) => (isMissing(row) ? { part, ...row } : { part, ...row, met: isMet(row.aim, row) ?? null })),
  );
  const failures = parts.flatMap(({ part, failure }) => (failure === undefined ? [] : [{ part, failure }]));
  const tookS = Object.fromEntries(parts.map(({ part, tookS }) => [part, tookS]));
  return `${JSON.stringify({ machine, tookS, rows, failures }, undefined, 1)}\n`;
}
