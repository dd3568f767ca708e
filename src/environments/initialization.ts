import type { Clock } from '../base/clock.ts';
import type { FunctionLog } from '../logs/function-log.ts';
import type { PlatformStatus } from '../logs/platform-event.ts';
import type { EnvironmentSpec } from './environment-spec.ts';
import { EXTENSIONS_MAX } from './extensions/extensions.ts';
import { entrypointFault, extensionLaunchFault, type Fault, fatalFault, reportedFault, timeoutFault } from './fault.ts';
import type { Processes } from './processes.ts';
import type { Sandbox } from './sandbox.ts';

/**
 * One init: extensions, then the runtime, until all of them wait for their first event. Source: runtime-facts 2 "Life"
 * and 6. Its events are logged by who runs it, but for those of the extensions.
 */
export interface InitOutcome {
  /** What went wrong, for the invoke that hears of it. */
  readonly fault?: (requestId: string) => Fault;
  /** The runtime was started, so it has a line of its own. */
  readonly startedRuntime: boolean;
}

export interface InitParts {
  readonly spec: EnvironmentSpec;
  readonly sandbox: Sandbox;
  readonly log: FunctionLog;
  readonly clock: Clock;
}

/** What `Processes.until` may find when an init goes wrong. */
type Failure = (requestId: string) => Fault;

/** Rejects when the sandbox cannot start anything. Afterwards the processes run, unless there is a fault. */
export async function initialize(processes: Processes, parts: InitParts, withinMs: number): Promise<InitOutcome> {
  const { spec, sandbox, clock } = parts;
  const untilMs = clock.monotonic() + withinMs;
  const { extensions } = processes;
  const failure = (): Failure | undefined => {
    const { initError, fatal } = processes;
    if (initError) return () => reportedFault(initError);
    // The kernel's count is asked for now: the next start forgets it.
    const outOfMemory = fatal !== undefined && sandbox.outOfMemory();
    return fatal && ((requestId) => fatalFault(requestId, fatal, outOfMemory));
  };
  /** Undefined when `isDone` came true. */
  const wait = async (isDone: () => boolean): Promise<Failure | undefined> => {
    const leftMs = Math.max(0, untilMs - clock.monotonic());
    const found = await processes.until(() => failure() ?? (isDone() ? 'done' : undefined), leftMs);
    if (found === 'timeout') return (requestId) => timeoutFault(requestId, spec.timeoutMs);
    return found === 'done' ? undefined : found;
  };
  const failed = (fault: Failure, startedRuntime: boolean): InitOutcome => ({ fault, startedRuntime });

  if (spec.extensions.length > 0) {
    const fault = (await startExtensions(processes, spec)) ?? (await wait(() => extensions.areRegistered));
    if (fault) return failed(fault, false);
  }
  const missing = spec.invalidEntrypoint;
  if (missing !== undefined) return failed((requestId) => entrypointFault(requestId, missing), false);
  await processes.startRuntime();
  const fault =
    (await wait(() => processes.isReady)) ?? (extensions.all.length > 0 && (await wait(() => extensions.areReady)));
  return fault ? failed(fault, true) : { startedRuntime: true };
}

/** All at once; undefined when none was too many. */
async function startExtensions(processes: Processes, spec: EnvironmentSpec): Promise<Failure | undefined> {
  const names = spec.extensions.slice(0, EXTENSIONS_MAX);
  for (const name of names) processes.extensions.addExternal(name);
  await Promise.all(names.map((name) => processes.startExtension(name)));
  const tooMany = spec.extensions[EXTENSIONS_MAX];
  if (tooMany === undefined) return undefined;
  processes.extensions.addExternal(tooMany).refuse();
  return (requestId) => extensionLaunchFault(requestId, 'ErrTooManyExtensions');
}

/** The EXTENSION line of each, in the state in which its init ended. */
export function logExtensions(processes: Processes, log: FunctionLog): void {
  for (const { name, state, events, errorType } of processes.extensions.all)
    log.platform({ type: 'extension', name, state, events, ...(errorType === undefined ? {} : { errorType }) });
}

/** Status and type of a fault, as events have them. */
export function outcomeOf(fault: Fault | undefined): { readonly status: PlatformStatus; readonly errorType?: string } {
  if (!fault) return { status: 'success' };
  return fault.errorType === undefined
    ? { status: fault.status }
    : { status: fault.status, errorType: fault.errorType };
}
