/** Errors as AWS's Node runtimes name, log and post them. Source: recordings of nodejs18.x to nodejs24.x. */

'use strict';

const causeBytesMax = 64 * 1024;
const causeFramesMax = 50;
const unreadableError =
  'callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack';

/**
 * An error of the runtime's own, named `Runtime.<kind>`. From Node 24 on the name is an enumerable member, which shows
 * in the log line, and the stack keeps the plain class name or is the one handed in; before, neither was so.
 */
function runtimeError(behaviour, kind, message, originalStack) {
  const error = new Error(message);
  // The stack begins where the error was found, not here.
  Error.captureStackTrace(error, runtimeError);
  const name = `Runtime.${kind}`;
  if (behaviour.plainErrorNames) {
    error.name = name;
    if (originalStack !== undefined) error.stack = originalStack;
    return error;
  }
  Object.defineProperty(error, 'name', { value: name, enumerable: false, configurable: true, writable: true });
  error.stack = error.stack.replace(/^Error/, name);
  return error;
}

/** What is posted for an error: `type` and `cause` fit into header lines, `body` is the caller's JSON payload. */
function failureOf(behaviour, thrown) {
  const payload = payloadOf(thrown, behaviour.takesErrorLike);
  return { type: headerSafe(String(payload.errorType)), body: JSON.stringify(payload), cause: causeOf(thrown) };
}

function payloadOf(thrown, takesErrorLike) {
  try {
    if (thrown instanceof Error || (takesErrorLike && isErrorLike(thrown))) {
      return {
        errorType: withoutDelete(thrown.name),
        errorMessage: withoutDelete(thrown.message),
        trace: thrown.stack === undefined ? [] : withoutDelete(thrown.stack).split('\n'),
      };
    }
    return { errorType: typeof thrown, errorMessage: String(thrown), trace: [] };
  } catch {
    return { errorType: 'handled', errorMessage: unreadableError, trace: [] };
  }
}

/** Anything thrown, as an Error that can be logged. */
function intoError(thrown) {
  if (thrown instanceof Error) return thrown;
  return new Error(String(thrown));
}

/** The JSON behind `Invoke Error` in a text log. It always begins with a tab. */
function formatForLog(error) {
  try {
    return `\t${JSON.stringify(error, (_key, value) => withHiddenMembers(value))}`;
  } catch {
    return `\t${JSON.stringify(payloadOf(error))}`;
  }
}

function withHiddenMembers(value) {
  if (!(value instanceof Error)) return value;
  const members = { errorType: value.name, errorMessage: value.message, code: value.code, ...value };
  if (typeof value.stack === 'string') members.stack = value.stack.split('\n');
  return members;
}

function isErrorLike(thrown) {
  if (typeof thrown !== 'object' || thrown === null) return false;
  const { name, message, stack } = thrown;
  return [name, message, stack].every((member) => typeof member === 'string' && member !== '');
}

function withoutDelete(text) {
  return text === undefined ? undefined : text.replace(/\x7f/g, '%7F');
}

function headerSafe(text) {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 1024);
}

/** The X-Ray cause header, or '' when there is none to tell or it would be longer than the platform keeps. */
function causeOf(thrown) {
  try {
    const stack = framesOf(thrown.stack);
    const cause = {
      working_directory: process.cwd(),
      exceptions: [{ type: thrown.name, message: thrown.message, stack }],
      paths: [...new Set(stack.map((frame) => frame.path))],
    };
    const text = JSON.stringify(cause).replace(/[\x7f-\uffff]/g, escapeCharacter);
    return text.length <= causeBytesMax ? text : '';
  } catch {
    return '';
  }
}

function escapeCharacter(character) {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function framesOf(stack) {
  if (typeof stack !== 'string') return [];
  const frames = [];
  for (const line of stack.split('\n').slice(1, 1 + causeFramesMax)) {
    const bare = line.trim().replace(/[()]/g, '');
    const place = bare.slice(bare.indexOf(' ') + 1);
    const space = place.lastIndexOf(' ');
    const [path, lineNumber] = place.slice(space + 1).split(/:(?=\d)/);
    frames.push({
      path,
      line: Number.parseInt(lineNumber, 10),
      label: space > 0 ? place.slice(0, space) : 'anonymous',
    });
  }
  return frames;
}

module.exports = { runtimeError, failureOf, payloadOf, intoError, formatForLog };
