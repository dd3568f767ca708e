/** The levels of application and system logs, from the least to the most severe. */
export type LogLevel = 'TRACE' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR' | 'FATAL';

const RANK: Readonly<Record<LogLevel, number>> = { TRACE: 0, DEBUG: 1, INFO: 2, WARN: 3, ERROR: 4, FATAL: 5 };

/** True when a record of `level` is at least as severe as `least`. */
export function reaches(level: LogLevel, least: LogLevel): boolean {
  return RANK[level] >= RANK[least];
}

/** Names of levels as loggers write them (any case) that are not AWS's own. */
const OTHER_NAMES: Readonly<Record<string, LogLevel>> = { WARNING: 'WARN', CRITICAL: 'FATAL' };

function levelNamed(name: unknown): LogLevel | undefined {
  if (typeof name !== 'string') return undefined;
  const upper = name.toUpperCase();
  return Object.hasOwn(RANK, upper) ? (upper as LogLevel) : OTHER_NAMES[upper];
}

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/**
 * The level of one line of a function's output under the JSON format. A JSON object counts by its `level` (Python's error
 * records say `log_level`) when it also has an RFC 3339 `timestamp`; everything else counts as INFO
 * (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html).
 */
export function levelOfLine(line: string): LogLevel {
  if (!line.startsWith('{')) return 'INFO';
  let record: unknown;
  try {
    record = JSON.parse(line);
  } catch {
    return 'INFO';
  }
  const { level, log_level, timestamp } = record as Record<string, unknown>;
  if (typeof timestamp !== 'string' || !RFC_3339.test(timestamp)) return 'INFO';
  return levelNamed(level) ?? levelNamed(log_level) ?? 'INFO';
}
