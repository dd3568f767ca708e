/**
 * Why a function failed, for its segment: what the runtime reports of it (Lambda-Runtime-Function-XRay-Error-Cause,
 * runtime-facts 1), or what can be read from the error that the caller gets.
 */
import type { CauseException, CauseFrame, ErrorCause } from './segment-document.ts';

/** A segment that goes to the daemon as one datagram of 64 KB may have two: of an init, and of the invoke behind it. */
const CAUSE_BYTES_MAX = 28_672;
/** A runtime leaves away what is longer. */
const REPORTED_CHARACTERS_MAX = 1_048_576;
/** How much of stacks, paths and messages is kept, until it fits: AWS's own steps. */
const CROP_FACTORS = [1, 0.8, 0.6, 0.4, 0.2];
const EXCEPTIONS_MAX = 16;
const LAST_MESSAGE_CHARACTERS = 1000;
/** `at label (path:line:column)` of V8 and `File "path", line N, in label` of Python. */
const V8_FRAME = /^\s*at (?:(.+) \()?(.+?):(\d+)(?::\d+)?\)?$/;
const PYTHON_FRAME = /^\s*File "([^"]+)", line (\d+), in (.+)/;

/** Undefined for what is no cause, or says nothing. */
export function readErrorCause(text: string | undefined): ErrorCause | undefined {
  if (text === undefined || text.length > REPORTED_CHARACTERS_MAX) return undefined;
  const given = parsed(text);
  if (given === undefined) return undefined;
  const { working_directory: directory, paths, message, exceptions } = given;
  const cause: ErrorCause = {
    ...(isText(directory) ? { working_directory: directory } : {}),
    ...(Array.isArray(paths) ? { paths: paths.filter(isText) } : {}),
    ...(isText(message) ? { message } : {}),
    exceptions: Array.isArray(exceptions) ? exceptions.slice(0, EXCEPTIONS_MAX).map(exceptionOf) : [],
  };
  const { exceptions: kept, ...rest } = cause;
  return kept.length === 0 && Object.keys(rest).length === 0 ? undefined : fitting(cause);
}

/** From `{errorType, errorMessage, stackTrace}`, as the caller gets it. */
export function causeOfPayload(payload: Uint8Array): ErrorCause | undefined {
  if (payload.byteLength > REPORTED_CHARACTERS_MAX) return undefined;
  const { errorType, errorMessage, stackTrace, trace } = parsed(Buffer.from(payload).toString()) ?? {};
  if (!isText(errorType) && !isText(errorMessage)) return undefined;
  const lines = Array.isArray(stackTrace) ? stackTrace : Array.isArray(trace) ? trace : [];
  const stack = lines.filter(isText).map(frameOfLine);
  return fitting({
    exceptions: [
      {
        ...(isText(errorType) ? { type: errorType } : {}),
        ...(isText(errorMessage) ? { message: errorMessage } : {}),
        ...(stack.length === 0 ? {} : { stack }),
      },
    ],
  });
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function exceptionOf(given: unknown): CauseException {
  const { type, message, stack } = Object(given) as Readonly<Record<string, unknown>>;
  return {
    ...(isText(type) ? { type } : {}),
    ...(isText(message) ? { message } : {}),
    ...(Array.isArray(stack) ? { stack: stack.map(frameOf) } : {}),
  };
}

function frameOf(given: unknown): CauseFrame {
  const { path, line, label } = Object(given) as Readonly<Record<string, unknown>>;
  return {
    ...(isText(path) ? { path } : {}),
    ...(Number.isSafeInteger(line) ? { line: line as number } : {}),
    ...(isText(label) ? { label } : {}),
  };
}

function frameOfLine(text: string): CauseFrame {
  const [, label, path, line] = V8_FRAME.exec(text) ?? [];
  if (path !== undefined) return { path, line: Number(line), ...(label === undefined ? {} : { label }) };
  const [, file, number, name] = PYTHON_FRAME.exec(text) ?? [];
  if (file !== undefined && name !== undefined) return { path: file, line: Number(number), label: name };
  return { label: text.trim() };
}

function fitting(cause: ErrorCause): ErrorCause {
  for (const factor of CROP_FACTORS) {
    const cropped = factor === 1 ? cause : croppedTo(cause, factor);
    if (Buffer.byteLength(JSON.stringify(cropped)) <= CAUSE_BYTES_MAX) return cropped;
  }
  const { type, message } = cause.exceptions[0] ?? {};
  const cut = (text: string | undefined) => text?.slice(0, LAST_MESSAGE_CHARACTERS);
  return {
    exceptions: [
      { ...(type === undefined ? {} : { type: cut(type) as string }), message: cut(message ?? cause.message) ?? '' },
    ],
  };
}

function croppedTo(cause: ErrorCause, factor: number): ErrorCause {
  const list = <T>(items: readonly T[]): readonly T[] => items.slice(0, Math.ceil(items.length * factor));
  const text = (value: string) => value.slice(0, Math.ceil(value.length * factor));
  return {
    ...cause,
    ...(cause.paths === undefined ? {} : { paths: list(cause.paths) }),
    ...(cause.message === undefined ? {} : { message: text(cause.message) }),
    exceptions: cause.exceptions.map((one) => ({
      ...one,
      ...(one.message === undefined ? {} : { message: text(one.message) }),
      ...(one.stack === undefined ? {} : { stack: list(one.stack) }),
    })),
  };
}
