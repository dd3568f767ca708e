import type { Fatal } from './processes.ts';
import type { ReportedError } from './runtime-api/runtime-api.ts';
import type { ProcessExit } from './sandbox.ts';

/**
 * How a function fails, as the caller and the log see it. A failure of the function is a value, never an exception.
 * Source of types and texts: runtime-facts 5.
 */
export interface Fault {
  /** For REPORT and INIT_REPORT; absent for a timeout, which the log calls `Status: timeout`. */
  readonly errorType?: string;
  /** `failure` is the sandbox's, `error` the function's. */
  readonly status: 'error' | 'timeout' | 'failure';
  /** What the caller gets. */
  readonly payload: Uint8Array;
  /** Of the payload, when it is no JSON. */
  readonly contentType?: 'application/octet-stream';
  /** What the runtime said of its cause for X-Ray, unread. */
  readonly cause?: string;
}

/** Signals by the names that Go's os package gives them, which is what AWS prints. */
const signalNames: Readonly<Record<string, string>> = {
  SIGABRT: 'aborted',
  SIGALRM: 'alarm clock',
  SIGBUS: 'bus error',
  SIGFPE: 'floating point exception',
  SIGHUP: 'hangup',
  SIGILL: 'illegal instruction',
  SIGINT: 'interrupt',
  SIGIO: 'I/O possible',
  SIGKILL: 'killed',
  SIGPIPE: 'broken pipe',
  SIGPOLL: 'I/O possible',
  SIGPROF: 'profiling timer expired',
  SIGPWR: 'power failure',
  SIGQUIT: 'quit',
  SIGSEGV: 'segmentation fault',
  SIGSTKFLT: 'stack fault',
  SIGSYS: 'bad system call',
  SIGTERM: 'terminated',
  SIGTRAP: 'trace/breakpoint trap',
  SIGUSR1: 'user defined signal 1',
  SIGUSR2: 'user defined signal 2',
  SIGVTALRM: 'virtual timer expired',
  SIGXCPU: 'CPU time limit exceeded',
  SIGXFSZ: 'file size limit exceeded',
};

function payload(errorType: string, errorMessage: string): Uint8Array {
  return Buffer.from(JSON.stringify({ errorType, errorMessage }));
}

function fault(errorType: string, requestId: string, reason: string): Fault {
  return { errorType, status: 'error', payload: payload(errorType, `RequestId: ${requestId} Error: ${reason}`) };
}

/** A process ended that nobody had asked to. */
export function fatalFault(requestId: string, fatal: Fatal, outOfMemory: boolean): Fault {
  const { process, exit, reported } = fatal;
  if (fatal.isSandboxGone) return sandboxFault(requestId);
  if (process === 'extension' && exit.launchError !== undefined)
    return extensionLaunchFault(requestId, exit.launchError);
  if (exit.launchError !== undefined) return entrypointFault(requestId, exit.launchError, exit.launchStep);
  const text = process === 'runtime' ? `Runtime exited ${runtimeExitText(exit)}` : extensionExitText(exit);
  if (outOfMemory) return fault('Runtime.OutOfMemory', requestId, text);
  return fault(reported ?? (process === 'runtime' ? 'Runtime.ExitError' : 'Extension.Crash'), requestId, text);
}

function runtimeExitText(exit: ProcessExit): string {
  return isSuccess(exit) ? 'without providing a reason' : `with error: ${exitText(exit)}`;
}

function extensionExitText(exit: ProcessExit): string {
  return isSuccess(exit) ? 'exit code 0' : exitText(exit);
}

function isSuccess({ code, signal }: ProcessExit): boolean {
  return signal === undefined && (code ?? 0) === 0;
}

function exitText({ code, signal, coreDumped }: ProcessExit): string {
  if (signal === undefined) return `exit status ${code}`;
  return `signal: ${signalNames[signal] ?? signal.toLowerCase()}${coreDumped ? ' (core dumped)' : ''}`;
}

/** An extension that could not be started, or was one too many. */
export function extensionLaunchFault(requestId: string, reason: string): Fault {
  return fault('Extension.LaunchError', requestId, reason);
}

/** Our sandbox failed while the function worked in it. */
function sandboxFault(requestId: string): Fault {
  return {
    ...fault('Sandbox.Failure', requestId, 'The sandbox of the execution environment failed'),
    status: 'failure',
  };
}

export function timeoutFault(requestId: string, timeoutMs: number): Fault {
  const text = `RequestId: ${requestId} Error: Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`;
  return { status: 'timeout', payload: payload('Sandbox.Timedout', text) };
}

export function tooLargeFault(bytesMax: number): Fault {
  const errorType = 'Function.ResponseSizeTooLarge';
  const errorMessage = `Response payload size exceeded maximum allowed payload size (${bytesMax} bytes).`;
  // AWS puts the message first here and the type first everywhere else.
  return { errorType, status: 'error', payload: Buffer.from(JSON.stringify({ errorMessage, errorType })) };
}

export function responseModeFault(requestId: string): Fault {
  const errorType = 'Runtime.InvalidResponseModeHeader';
  return fault(errorType, requestId, errorType);
}

/** The connection broke before the whole response was there. */
export function truncatedFault(requestId: string): Fault {
  return fault('Runtime.TruncatedResponse', requestId, 'HTTP request detected as truncated');
}

/** The runtime could not be started: its program, or the directory that it is to start in. */
export function entrypointFault(requestId: string, reason: string, step?: 'cwd'): Fault {
  return fault(step === 'cwd' ? 'Runtime.InvalidWorkingDir' : 'Runtime.InvalidEntrypoint', requestId, reason);
}

/** Errors of execve by the words of Go's syscall package, which is what AWS prints. */
const launchErrors: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  ENOENT: 'no such file or directory',
  ENOEXEC: 'exec format error',
};

/** `fork/exec /var/task/bootstrap: permission denied` */
export function launchErrorText(path: string, code: string, step: 'fork/exec' | 'chdir' = 'fork/exec'): string {
  return `${step} ${path}: ${launchErrors[code] ?? code}`;
}

/** The runtime said itself what went wrong: its own bytes go to the caller. */
export function reportedFault({ errorType, body, contentType, cause }: ReportedError): Fault {
  return {
    errorType,
    status: 'error',
    payload: body,
    ...(contentType === undefined ? {} : { contentType }),
    ...(cause === undefined ? {} : { cause }),
  };
}
