import type { ProcessExit } from './sandbox.ts';

/**
 * How a function fails, as the caller and the log see it. A failure of the function is a value, never an exception.
 * Source of types and texts: runtime-facts 5.
 */
export interface Fault {
  /** For REPORT and INIT_REPORT; absent for a timeout, which the log calls `Status: timeout`. */
  readonly errorType?: string;
  readonly status: 'error' | 'timeout';
  /** What the caller gets. */
  readonly payload: Uint8Array;
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
  SIGKILL: 'killed',
  SIGPIPE: 'broken pipe',
  SIGQUIT: 'quit',
  SIGSEGV: 'segmentation fault',
  SIGSYS: 'bad system call',
  SIGTERM: 'terminated',
  SIGTRAP: 'trace/breakpoint trap',
};

function payload(errorType: string, errorMessage: string): Uint8Array {
  return Buffer.from(JSON.stringify({ errorType, errorMessage }));
}

export function exitFault(requestId: string, exit: ProcessExit, outOfMemory: boolean): Fault {
  if (exit.launchError !== undefined) return entrypointFault(requestId, exit.launchError);
  const errorType = outOfMemory ? 'Runtime.OutOfMemory' : 'Runtime.ExitError';
  return {
    errorType,
    status: 'error',
    payload: payload(errorType, `RequestId: ${requestId} Error: ${exitText(exit)}`),
  };
}

function exitText(exit: ProcessExit): string {
  if (exit.signal !== undefined)
    return `Runtime exited with error: signal: ${signalNames[exit.signal] ?? exit.signal.toLowerCase()}`;
  if (exit.code === 0) return 'Runtime exited without providing a reason';
  return `Runtime exited with error: exit status ${exit.code ?? 0}`;
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
  return { errorType, status: 'error', payload: payload(errorType, `RequestId: ${requestId} Error: ${errorType}`) };
}

export function entrypointFault(requestId: string, reason: string): Fault {
  const errorType = 'Runtime.InvalidEntrypoint';
  return { errorType, status: 'error', payload: payload(errorType, `RequestId: ${requestId} Error: ${reason}`) };
}

/** Errors of execve by the words of Go's syscall package, which is what AWS prints. */
const launchErrors: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  ENOENT: 'no such file or directory',
  ENOEXEC: 'exec format error',
};

/** `fork/exec /var/task/bootstrap: permission denied` */
export function launchErrorText(command: string, code: string): string {
  return `fork/exec ${command}: ${launchErrors[code] ?? code}`;
}

/** The runtime said itself what went wrong: its own bytes go to the caller. */
export function reportedFault(errorType: string, body: Uint8Array): Fault {
  return { errorType, status: 'error', payload: body };
}
