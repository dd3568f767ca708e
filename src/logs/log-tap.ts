import type { PlatformEvent } from './platform-event.ts';

/**
 * Who listens to one environment's log beside CloudWatch Logs: the Telemetry API. It hears of every platform event and
 * every record, whatever format and levels make of them for CloudWatch, as far as the log's budget lets them through.
 * Called in order, while the log is being written: it must not throw, wait, or write to the log.
 */
export interface LogTap {
  /** `timeMs` is epoch milliseconds. */
  platform(event: PlatformEvent, timeMs: number): void;
  /** One line with its newline, or one record of the framed descriptor as it was written. */
  record(from: 'function' | 'extension', message: string, timeMs: number): void;
}
