/**
 * Platform events as lines of a function's log: AWS's text lines byte for byte, and its JSON records.
 *
 * Deliberate differences from AWS: the text line of dropped records, for which none of AWS's is known. The older text
 * lines before END (`RequestId: … Error: …`, `Task timed out`) are not written: the present style says it in REPORT.
 */
import type { Logging } from '../functions/records.ts';
import { reaches } from './log-level.ts';
import { type PlatformEvent, platformLevel, type Report, type Span, type Tracing } from './platform-event.ts';

/**
 * The line for an event, newline included; undefined when the format has none or the system level leaves it out.
 * `timeMs` is epoch milliseconds.
 */
export function formatPlatform(event: PlatformEvent, logging: Logging, timeMs: number): string | undefined {
  if (logging.format === 'Text') return platformText(event);
  if (!reaches(platformLevel(event), logging.systemLevel ?? 'INFO')) return undefined;
  const record = platformRecord(event);
  if (!record) return undefined;
  const time = new Date(timeMs).toISOString();
  return `${JSON.stringify({ time, type: `platform.${event.type}`, record })}\n`;
}

/** The text line; undefined for events that have none. */
export function platformText(event: PlatformEvent): string | undefined {
  switch (event.type) {
    case 'initStart':
      return startLine('INIT_START', event);
    case 'restoreStart':
      return startLine('RESTORE_START', event);
    case 'initReport':
      if (event.status === 'success' && event.initializationType === 'on-demand') return undefined;
      return `INIT_REPORT Init Duration: ${twoDigits(event.durationMs)} ms\tPhase: ${event.phase}${outcome(event)}\n`;
    case 'restoreReport':
      return `RESTORE_REPORT Restore Duration: ${twoDigits(event.durationMs)} ms${outcome(event)}\n`;
    case 'start':
      return `START RequestId: ${event.requestId} Version: ${event.version}\n`;
    case 'end':
      return `END RequestId: ${event.requestId}\n`;
    case 'report':
      return reportLine(event);
    case 'extension': {
      const error = event.errorType === undefined ? '' : `\tError Type: ${event.errorType}`;
      return `EXTENSION\tName: ${event.name}\tState: ${event.state}\tEvents: [${event.events.join(', ')}]${error}\n`;
    }
    case 'telemetrySubscription':
      return `TELEMETRY\tName: ${event.name}\tState: Subscribed\tTypes: [${titles(event.types)}]\n`;
    case 'logsSubscription':
      return `LOGS\tName: ${event.name}\tState: Subscribed\tTypes: [${titles(event.types)}]\n`;
    case 'logsDropped':
      return `LOGS_DROPPED Records: ${event.droppedRecords}\tBytes: ${event.droppedBytes}\tReason: ${event.reason}\n`;
    default:
      return undefined;
  }
}

/** The `record` of the JSON form; undefined for events that have none. Members that are undefined are left out of the JSON. */
export function platformRecord(event: PlatformEvent): Record<string, unknown> | undefined {
  switch (event.type) {
    case 'end':
      return undefined;
    case 'initStart': {
      const { initializationType, phase, runtimeVersion, runtimeVersionArn, functionName, functionVersion } = event;
      const instance = { instanceId: event.instanceId, instanceMaxMemory: event.instanceMaxMemoryBytes };
      const runtime = { runtimeVersion, runtimeVersionArn, functionName, functionVersion };
      return { initializationType, phase, ...runtime, ...instance };
    }
    case 'initRuntimeDone': {
      const { initializationType, phase, status, errorType, spans } = event;
      return { initializationType, phase, status, errorType, spans: spanRecords(spans) };
    }
    case 'initReport': {
      const { initializationType, phase, status, errorType, durationMs } = event;
      return { initializationType, phase, status, errorType, metrics: { durationMs: threeDigits(durationMs) } };
    }
    case 'restoreReport': {
      const { status, errorType, durationMs } = event;
      return { status, errorType, metrics: { durationMs: threeDigits(durationMs) } };
    }
    case 'start': {
      const { requestId, version, tracing, tenantId } = event;
      return { requestId, version, tracing: tracingRecord(tracing), tenantId };
    }
    case 'runtimeDone': {
      const { requestId, status, errorType, durationMs, producedBytes, spans, tracing, tenantId } = event;
      const metrics = { durationMs: threeDigits(durationMs), producedBytes };
      const rest = { spans: spanRecords(spans), tracing: tracingRecord(tracing), tenantId };
      return { requestId, status, errorType, metrics, ...rest };
    }
    case 'report':
      return reportRecord(event);
    case 'telemetrySubscription':
    case 'logsSubscription':
      return { name: event.name, state: 'Subscribed', types: event.types };
    case 'extension': {
      const { name, state, events, errorType } = event;
      return { name, state, events, errorType };
    }
    case 'logsDropped': {
      const { droppedBytes, droppedRecords, reason } = event;
      return { droppedBytes, droppedRecords, reason };
    }
    default: {
      const { type: _, ...fields } = event;
      return fields;
    }
  }
}

function startLine(
  word: string,
  { runtimeVersion, runtimeVersionArn }: { readonly runtimeVersion?: string; readonly runtimeVersionArn?: string },
): string | undefined {
  // Code that brings its own runtime has no runtime version, and AWS writes no line for it.
  if (runtimeVersion === undefined) return undefined;
  return `${word} Runtime Version: ${runtimeVersion}\tRuntime Version ARN: ${runtimeVersionArn ?? ''}\n`;
}

function outcome({ status, errorType }: { readonly status: string; readonly errorType?: string }): string {
  if (status === 'success') return '';
  return errorType === undefined ? `\tStatus: ${status}` : `\tStatus: ${status}\tError Type: ${errorType}`;
}

function reportLine(event: Report): string {
  let line =
    `REPORT RequestId: ${event.requestId}\tDuration: ${twoDigits(event.durationMs)} ms` +
    `\tBilled Duration: ${event.billedMs} ms\tMemory Size: ${event.memoryMb} MB\tMax Memory Used: ${event.maxMemoryMb} MB`;
  if (event.initDurationMs !== undefined) line += `\tInit Duration: ${twoDigits(event.initDurationMs)} ms`;
  if (event.restoreDurationMs !== undefined) line += `\tRestore Duration: ${twoDigits(event.restoreDurationMs)} ms`;
  if (event.billedRestoreMs !== undefined) line += `\tBilled Restore Duration: ${event.billedRestoreMs} ms`;
  // Only the success form ends in a tab.
  line += event.status === 'success' ? '\t\n' : `${timeoutHasNoType(event)}\n`;
  return line + xrayLine(event.tracing);
}

/** A timeout is said by its status alone. */
function timeoutHasNoType({ status, errorType }: Report): string {
  return status === 'timeout' || errorType === undefined ? outcome({ status }) : outcome({ status, errorType });
}

function xrayLine(tracing: Tracing | undefined): string {
  // Nearly no trace is sampled: that much is seen without taking the header apart.
  if (!tracing?.value.includes('Sampled=1')) return '';
  const parts = new Map(tracing.value.split(';').map((part) => part.split('=', 2) as [string, string]));
  if (parts.get('Sampled') !== '1') return '';
  const segment = tracing.spanId ?? parts.get('Parent') ?? '';
  return `XRAY TraceId: ${parts.get('Root') ?? ''}\tSegmentId: ${segment}\tSampled: true\t\n`;
}

function reportRecord(event: Report): Record<string, unknown> {
  const { requestId, status, errorType, initDurationMs, restoreDurationMs } = event;
  const metrics = {
    durationMs: threeDigits(event.durationMs),
    billedDurationMs: event.billedMs,
    memorySizeMB: event.memoryMb,
    maxMemoryUsedMB: event.maxMemoryMb,
    initDurationMs: initDurationMs === undefined ? undefined : threeDigits(initDurationMs),
    restoreDurationMs: restoreDurationMs === undefined ? undefined : threeDigits(restoreDurationMs),
    billedRestoreDurationMs: event.billedRestoreMs,
  };
  const rest = { spans: spanRecords(event.spans), tracing: tracingRecord(event.tracing) };
  return { requestId, status, errorType, metrics, ...rest };
}

function tracingRecord(tracing: Tracing | undefined): Record<string, unknown> | undefined {
  return tracing && { spanId: tracing.spanId, type: 'X-Amzn-Trace-Id', value: tracing.value };
}

function spanRecords(spans: readonly Span[] | undefined): readonly Record<string, unknown>[] | undefined {
  return spans?.map(({ name, startMs, durationMs }) => {
    return { name, start: new Date(startMs).toISOString(), durationMs: threeDigits(durationMs) };
  });
}

function titles(types: readonly string[]): string {
  return types.map((type) => type.charAt(0).toUpperCase() + type.slice(1)).join(', ');
}

function twoDigits(ms: number): string {
  return ms.toFixed(2);
}

/** JSON records carry microseconds. */
function threeDigits(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
