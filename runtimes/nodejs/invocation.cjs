/**
 * One buffered invocation: from an event to a posted result. Two ways, one for each generation of AWS's Node runtimes:
 * with callbacks and the wait for an empty event loop (18 to 22), or by awaiting what the handler returns (24 on).
 */

'use strict';

const { failureOf, runtimeError } = require('./errors.cjs');

const alreadyDone = 'Invocation has already been reported as done. Cannot call complete more than once per invocation.';
const neverSettled =
  'The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes';

/** Answers events with what the handler returns or resolves to. */
function awaitingInvoker({ behaviour, client, handler, makeContext, logError }) {
  return function invoke(id, headers, body, isString) {
    client.release();

    // The result leaves one turn of the loop later, so that immediates of user code still belong to this invocation.
    const fail = (thrown) =>
      setImmediate(() => {
        logError('Invoke Error', thrown);
        client.fail(id, failureOf(behaviour, thrown));
      });
    const succeed = (result) =>
      setImmediate(() => {
        if (typeof result === 'string' && client.respondString(id, result)) return;
        let text;
        try {
          text = serialize(behaviour, result);
        } catch (error) {
          fail(error);
          return;
        }
        client.respond(id, text);
      });

    let result;
    try {
      result = handler(isString ? body : JSON.parse(body), makeContext({}, headers));
    } catch (error) {
      fail(error);
      return;
    }
    if (result && typeof result.then === 'function') Promise.resolve(result).then(succeed, fail);
    else succeed(result);
  };
}

/**
 * Answers events by callback, by context.done, succeed and fail, or by promise, whichever comes first.
 *
 * @param {(action: () => void) => void} onIdle sets what happens when the event loop runs empty
 */
function callbackInvoker({ behaviour, client, handler, makeContext, logError, onIdle }) {
  const isAsync = handler.constructor !== undefined && handler.constructor.name === 'AsyncFunction';

  return function invoke(id, headers, body, isString) {
    let settled = false;
    let completed = false;
    let waitForEmptyEventLoop = true;

    const postError = (thrown) => {
      if (settled) return;
      logError('Invoke Error', thrown);
      settled = true;
      client.fail(id, failureOf(behaviour, thrown));
    };
    const complete = (result) => {
      if (completed || settled) {
        console.error(alreadyDone);
        return;
      }
      completed = true;
      respond(client, behaviour, id, result, () => {
        settled = true;
      });
    };
    const done = (error, result) => {
      onIdle(nothing);
      if (error !== undefined && error !== null) postError(error);
      else complete(result);
    };
    const callback = (error, result) => {
      if ((error !== undefined && error !== null) || !waitForEmptyEventLoop) done(error, result);
      else onIdle(() => complete(result));
    };

    // Only the first call of any of them counts; one that throws has not counted.
    let answered = false;
    const first =
      (action) =>
      (...args) => {
        if (answered) return;
        action(...args);
        answered = true;
      };
    const context = {
      get callbackWaitsForEmptyEventLoop() {
        return waitForEmptyEventLoop;
      },
      set callbackWaitsForEmptyEventLoop(value) {
        waitForEmptyEventLoop = value;
      },
      succeed: first((result) => done(null, result)),
      fail: first((error) => done(error === undefined || error === null ? 'handled' : error, null)),
      done: first(done),
    };
    const firstCallback = first(callback);

    client.release();
    onIdle(() => {
      if (isAsync) postError(runtimeError(behaviour, 'NodeJsExit', neverSettled));
      else complete(null);
    });
    try {
      const result = handler(isString ? body : JSON.parse(body), makeContext(context, headers), firstCallback);
      if (result && typeof result.then === 'function') result.then(context.succeed, context.fail).catch(context.fail);
    } catch (error) {
      firstCallback(error);
    }
  };
}

function nothing() {}

/** Sends a result; `sending` is called just before it goes. Throws when it has no JSON form. */
function respond(client, behaviour, id, result, sending) {
  if (typeof result === 'string' && client.respondString(id, result)) {
    sending();
    return;
  }
  const text = serialize(behaviour, result);
  sending();
  client.respond(id, text);
}

/** @throws when the value has no JSON form */
function serialize(behaviour, value) {
  let text;
  try {
    text = JSON.stringify(value === undefined ? null : value);
  } catch {
    const message = 'Unable to stringify response body';
    throw behaviour.namesStringifyError ? runtimeError(behaviour, 'JSONStringifyError', message) : new Error(message);
  }
  // Functions and symbols have no JSON text at all; AWS's own clients refuse them in these words.
  if (text === undefined) throw new TypeError('Wrong arguments');
  return text;
}

module.exports = { awaitingInvoker, callbackInvoker };
