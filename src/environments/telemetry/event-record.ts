import type { PlatformEvent, Report, RuntimeDone } from '../../logs/platform-event.ts';
import { platformRecord } from '../../logs/platform-lines.ts';

/**
 * Events as subscribers get them: `{"time","type","record"}` (runtime-facts 2; for the two older versions the Logs API's
 * page, https://docs.aws.amazon.com/lambda/latest/dg/runtimes-logs-api.html).
 */
export type TelemetryType = 'platform' | 'function' | 'extension';

/** The first two are the Logs API's, the others the Telemetry API's. */
export type SchemaVersion = '2020-08-15' | '2021-03-18' | '2022-07-01' | '2022-12-13' | '2025-01-29';

export type TelemetryEvent = PlatformTelemetry | RecordTelemetry;

interface PlatformTelemetry {
  readonly type: 'platform';
  /** Epoch milliseconds. */
  readonly timeMs: number;
  readonly event: PlatformEvent;
}

interface RecordTelemetry {
  readonly type: 'function' | 'extension';
  readonly timeMs: number;
  readonly message: string;
}

/** The first in which a record that is a JSON object is given as an object. */
const OBJECTS_SINCE: SchemaVersion = '2022-12-13';

/**
 * The JSON texts, without newlines, of what a version makes of one event: mostly one, none for what it does not know.
 * `jsonLogs`: the function's log format is JSON.
 */
export function encodeEvent(event: TelemetryEvent, schema: SchemaVersion, jsonLogs: boolean): readonly string[] {
  const time = new Date(event.timeMs).toISOString();
  if (event.type === 'platform') {
    const records = schema < '2022' ? logsRecords(event.event, schema, time) : telemetryRecords(event.event);
    return records.map(([type, record]) => JSON.stringify({ time, type: `platform.${type}`, record }));
  }
  const object = jsonLogs && schema >= OBJECTS_SINCE ? objectText(event.message) : undefined;
  return [`{"time":"${time}","type":"${event.type}","record":${object ?? JSON.stringify(event.message)}}`];
}

type Named = readonly [type: string, record: unknown];

function telemetryRecords(event: PlatformEvent): readonly Named[] {
  if (event.type === 'logsSubscription') return [];
  const record = platformRecord(event);
  return record ? [[event.type, record]] : [];
}

function logsRecords(event: PlatformEvent, schema: SchemaVersion, time: string): readonly Named[] {
  switch (event.type) {
    case 'start':
      return [['start', { requestId: event.requestId, version: event.version }]];
    case 'end':
      return [['end', { requestId: event.requestId }]];
    case 'report':
      return [['report', reportOf(event)]];
    case 'runtimeDone': {
      const fault = faultText(event, time);
      const done = { requestId: event.requestId, status: event.status === 'error' ? 'failure' : event.status };
      return [
        ...(fault === undefined ? [] : [['fault', fault] as const]),
        ...(schema === '2020-08-15' ? [] : [['runtimeDone', done] as const]),
      ];
    }
    case 'extension':
    case 'logsSubscription':
    case 'logsDropped':
      return [[event.type, platformRecord(event)]];
    default:
      return [];
  }
}

/** Status and spans came with the Telemetry API. */
function reportOf(event: Report): unknown {
  const { requestId, metrics, tracing } = platformRecord(event) as Record<string, unknown>;
  return { requestId, metrics, tracing: event.tracing?.value.includes('Sampled=1') ? tracing : undefined };
}

/** Said where the process ended or was ended; an error that the function reported is no fault of the platform's. */
function faultText({ requestId, status, errorType, durationMs }: RuntimeDone, time: string): string | undefined {
  if (status === 'timeout')
    return `${time} ${requestId} Task timed out after ${(durationMs / 1000).toFixed(2)} seconds`;
  const ended = errorType !== undefined && PROCESS_ENDED.has(errorType);
  return ended || status === 'failure' ? `RequestId: ${requestId} Process exited before completing request` : undefined;
}

const PROCESS_ENDED: ReadonlySet<string> = new Set([
  'Runtime.ExitError',
  'Runtime.OutOfMemory',
  'Runtime.InvalidEntrypoint',
  'Extension.Crash',
]);

/** The record itself when it is a JSON object, in one line: in JSON a line break that counts is always escaped. */
function objectText(message: string): string | undefined {
  const text = message.trim();
  if (!text.startsWith('{')) return undefined;
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  return text.replace(/[\r\n]+/g, ' ');
}
