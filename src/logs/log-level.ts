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
 * The level of one record of a function's output under the JSON format. A JSON object counts by its `level` (Python's
 * error records say `log_level`) when it also has an RFC 3339 `timestamp`; everything else counts as INFO
 * (https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html).
 */
export function levelOfLine(line: string): LogLevel {
  return levelOf(objectIn(line));
}

/**
 * The same with the line as it is to be kept: an object without a valid `timestamp` gets that of `timeMs` (epoch
 * milliseconds), as AWS adds it. What is no JSON object stays as it is.
 */
export function judgeLine(line: string, timeMs: number): { readonly level: LogLevel; readonly message: string } {
  const record = objectIn(line);
  if (!record || hasTimestamp(record)) return { level: levelOf(record), message: line };
  return { level: 'INFO', message: withTimestamp(line, record, new Date(timeMs).toISOString()) };
}

function objectIn(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function hasTimestamp({ timestamp }: Record<string, unknown>): boolean {
  return typeof timestamp === 'string' && RFC_3339.test(timestamp);
}

function levelOf(record: Record<string, unknown> | undefined): LogLevel {
  if (!record || !hasTimestamp(record)) return 'INFO';
  return levelNamed(record['level']) ?? levelNamed(record['log_level']) ?? 'INFO';
}

/** Where there is no such member the line is kept as its writer wrote it. */
function withTimestamp(line: string, record: Record<string, unknown>, timestamp: string): string {
  if (!Object.hasOwn(record, 'timestamp')) {
    const rest = line.slice(1).trimStart();
    return `{"timestamp":"${timestamp}"${rest.startsWith('}') ? '' : ','}${rest}`;
  }
  try {
    return `${JSON.stringify({ ...record, timestamp })}${line.endsWith('\n') ? '\n' : ''}`;
  } catch {
    // An object may be nested too deeply to be written again.
    return line;
  }
}
