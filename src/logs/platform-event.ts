import type { LogLevel } from './log-level.ts';

/**
 * What the platform says about an execution environment, as the Telemetry API and the JSON log format have it
 * (schema 2022-12-13, https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html).
 */
export type InitializationType = 'on-demand' | 'provisioned-concurrency' | 'snap-start' | 'lambda-managed-instances';
export type InitPhase = 'init' | 'invoke' | 'snap-start';
export type PlatformStatus = 'success' | 'failure' | 'error' | 'timeout';

export interface Tracing {
  /** The value of X-Amzn-Trace-Id: `Root=…;Parent=…;Sampled=0|1`. */
  readonly value: string;
  readonly spanId?: string;
}

export interface Span {
  readonly name: 'responseLatency' | 'responseDuration' | 'runtimeOverhead' | 'extensionOverhead';
  /** Epoch milliseconds. */
  readonly startMs: number;
  readonly durationMs: number;
}

interface Init {
  readonly initializationType: InitializationType;
  readonly phase: InitPhase;
}

interface Outcome {
  readonly status: PlatformStatus;
  readonly errorType?: string;
}

export interface InitStart extends Init {
  readonly type: 'initStart';
  /** `python:3.13.v31`; absent for code that brings its own runtime. */
  readonly runtimeVersion?: string;
  readonly runtimeVersionArn?: string;
  readonly functionName: string;
  readonly functionVersion: string;
  readonly instanceId?: string;
  readonly instanceMaxMemoryBytes?: number;
}

export interface InitRuntimeDone extends Init, Outcome {
  readonly type: 'initRuntimeDone';
  readonly spans?: readonly Span[];
}

export interface InitReport extends Init, Outcome {
  readonly type: 'initReport';
  readonly durationMs: number;
}

export interface RestoreStart {
  readonly type: 'restoreStart';
  readonly runtimeVersion?: string;
  readonly runtimeVersionArn?: string;
  readonly functionName: string;
  readonly functionVersion: string;
}

export interface RestoreRuntimeDone extends Outcome {
  readonly type: 'restoreRuntimeDone';
}

export interface RestoreReport extends Outcome {
  readonly type: 'restoreReport';
  readonly durationMs: number;
}

export interface Start {
  readonly type: 'start';
  readonly requestId: string;
  readonly version: string;
  readonly tracing?: Tracing;
  readonly tenantId?: string;
}

/** Has no JSON record: there platform.runtimeDone and platform.report stand for it. */
export interface End {
  readonly type: 'end';
  readonly requestId: string;
}

export interface RuntimeDone extends Outcome {
  readonly type: 'runtimeDone';
  readonly requestId: string;
  readonly durationMs: number;
  readonly producedBytes: number;
  readonly spans?: readonly Span[];
  readonly tracing?: Tracing;
  readonly tenantId?: string;
}

export interface Report extends Outcome {
  readonly type: 'report';
  readonly requestId: string;
  readonly durationMs: number;
  readonly billedMs: number;
  readonly memoryMb: number;
  readonly maxMemoryMb: number;
  readonly initDurationMs?: number;
  readonly restoreDurationMs?: number;
  readonly billedRestoreMs?: number;
  readonly spans?: readonly Span[];
  readonly tracing?: Tracing;
}

export interface Extension {
  readonly type: 'extension';
  readonly name: string;
  readonly state: string;
  readonly events: readonly string[];
  readonly errorType?: string;
}

export interface Subscription {
  readonly type: 'telemetrySubscription' | 'logsSubscription';
  readonly name: string;
  /** `platform`, `function`, `extension`. */
  readonly types: readonly string[];
}

export interface LogsDropped {
  readonly type: 'logsDropped';
  readonly droppedBytes: number;
  readonly droppedRecords: number;
  readonly reason: string;
}

export type PlatformEvent =
  | InitStart
  | InitRuntimeDone
  | InitReport
  | RestoreStart
  | RestoreRuntimeDone
  | RestoreReport
  | Start
  | End
  | RuntimeDone
  | Report
  | Extension
  | Subscription
  | LogsDropped;

/** The level that the system log level filters by, as AWS assigns it. */
export function platformLevel(event: PlatformEvent): LogLevel {
  switch (event.type) {
    case 'initStart':
      return event.runtimeVersion === undefined ? 'DEBUG' : 'INFO';
    case 'initRuntimeDone':
    case 'restoreRuntimeDone':
    case 'runtimeDone':
      return event.status === 'success' ? 'DEBUG' : 'WARN';
    case 'initReport':
      if (event.status !== 'success') return 'WARN';
      return event.initializationType === 'on-demand' ? 'DEBUG' : 'INFO';
    case 'restoreReport':
    case 'report':
      return event.status === 'success' ? 'INFO' : 'WARN';
    case 'extension':
      return event.errorType === undefined ? 'INFO' : 'WARN';
    case 'logsDropped':
      return 'WARN';
    default:
      return 'INFO';
  }
}

/** What is billed: whole milliseconds, the init included (since August 2025), at least one. */
export function billedMs(durationMs: number, initDurationMs = 0): number {
  return Math.max(1, Math.ceil(durationMs + initDurationMs));
}
