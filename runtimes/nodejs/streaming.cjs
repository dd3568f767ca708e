/** Invocations whose result is streamed, and the stream that such a handler writes to. */

'use strict';

const { Writable } = require('stream');
const { failureOf, runtimeError } = require('./errors.cjs');

const notAsync = 'Streaming does not support non-async handlers.';
const notFinished = 'Response stream is not finished.';
const trailerErrorCharsMax = 128 * 1024;
const shortMessageChars = 1024;

/** Answers events by streaming; the parameters are those of the buffered invokers. */
function streamingInvoker({ behaviour, client, handler, highWaterMark, makeContext, logError, onIdle }) {
  return async function invoke(id, headers, body) {
    const response = createResponse(behaviour, client, id, highWaterMark);
    let waitForEmptyEventLoop = behaviour.callbacks;

    function next() {
      if (!waitForEmptyEventLoop) {
        client.next();
        return;
      }
      client.release();
      onIdle(() => {
        onIdle(() => {});
        client.next();
      });
    }

    const base = {};
    if (behaviour.callbacks) {
      Object.defineProperty(base, 'callbackWaitsForEmptyEventLoop', {
        get: () => waitForEmptyEventLoop,
        set: (value) => {
          waitForEmptyEventLoop = value;
        },
        enumerable: true,
      });
    }
    // The open stream keeps the process alive, as the open request does on AWS.
    client.hold();
    try {
      const result = handler(JSON.parse(body), response.stream, makeContext(base, headers));
      if (!result || typeof result.then !== 'function') throw behaviour.callbacks ? notAsync : new Error(notAsync);
      if ((await result) !== undefined) console.warn('Streaming handlers ignore return values.');
      await Promise.race([response.answered, response.broken]);
      if (!response.isEnded()) throw behaviour.callbacks ? notFinished : new Error(notFinished);
    } catch (thrown) {
      logError('Invoke Error', thrown);
      await response.fail(thrown);
    }
    next();
  };
}

/**
 * The result's stream. Nothing is sent before the first write or the end, so that the content type can still be set.
 * `answered` resolves when the platform has answered; `fail` ends the body with the error in its trailers; `isEnded` tells
 * whether the end has been sent; `broken` rejects when user code destroys the stream before that.
 */
function createResponse(behaviour, client, id, highWaterMark) {
  let contentType = 'application/octet-stream';
  let upload;
  let ended = false;
  let resolveAnswered;
  const answered = new Promise((resolve) => {
    resolveAnswered = resolve;
  });

  function started() {
    if (!upload) upload = client.stream(id, responseHeaders(contentType), resolveAnswered);
    return upload;
  }

  const stream = new Writable({
    ...(highWaterMark === undefined ? {} : { highWaterMark }),
    write(chunk, _encoding, flushed) {
      // An empty chunk would be the end mark of the body.
      if (ended || chunk.length === 0) flushed();
      else started().write(chunk, flushed);
    },
    final(flushed) {
      if (ended) {
        flushed();
        return;
      }
      ended = true;
      started().end('', flushed);
    },
  });

  const broken = new Promise((_resolve, reject) => {
    stream.on('error', () => {});
    stream.on('close', () => {
      if (!ended) reject(stream.errored || new Error(notFinished));
    });
  });
  broken.catch(() => {});

  async function fail(thrown) {
    // What the handler has ended stays as it is: the end is on its way behind what was written.
    const isEnding = stream.writableEnded && !stream.destroyed;
    if (!ended && !isEnding) {
      ended = true;
      started().end(failureTrailers(behaviour, thrown));
    }
    await answered;
  }

  takeWrites(behaviour, stream, (type) => {
    contentType = type;
  });
  return { stream, answered, broken, fail, isEnded: () => ended };
}

/** Gives the stream what handlers know from AWS: objects are written as JSON, a prelude goes first, the type is settable. */
function takeWrites(behaviour, stream, setContentType) {
  let writeCalled = false;
  const { write, end } = stream;
  stream.setContentType = (type) => {
    if (writeCalled) throw runtimeError(behaviour, 'InvalidStreamingOperation', 'Cannot set content-type, too late.');
    setContentType(String(type).replace(/[^\x20-\x7e]/g, ''));
  };
  stream.write = (chunk, encoding, callback) => {
    const bytes = typeof chunk === 'string' || chunk instanceof Uint8Array ? chunk : JSON.stringify(chunk);
    const isFirst = !writeCalled;
    writeCalled = true;
    if (isFirst && stream._onBeforeFirstWrite) stream._onBeforeFirstWrite((part) => write.call(stream, part));
    return write.call(stream, bytes, encoding, callback);
  };
  stream.end = (chunk, encoding, callback) => {
    if (typeof chunk === 'function') return end.call(stream, chunk);
    if (chunk !== undefined && chunk !== null) stream.write(chunk, typeof encoding === 'string' ? encoding : undefined);
    return end.call(stream, typeof encoding === 'function' ? encoding : callback);
  };
}

function responseHeaders(contentType) {
  return (
    'Lambda-Runtime-Function-Response-Mode: streaming\r\n' +
    'Trailer: Lambda-Runtime-Function-Error-Type\r\nTrailer: Lambda-Runtime-Function-Error-Body\r\n' +
    `Content-Type: ${contentType}\r\n`
  );
}

/** An error too long for a trailer is told in short. */
function failureTrailers(behaviour, thrown) {
  const failure = failureOf(behaviour, thrown);
  let { body } = failure;
  if (body.length > trailerErrorCharsMax) {
    const { errorType, errorMessage } = JSON.parse(body);
    body = JSON.stringify({ errorType, errorMessage: errorMessage.slice(0, shortMessageChars), trace: [] });
  }
  const type = `Lambda-Runtime-Function-Error-Type: ${failure.type}\r\n`;
  return `${type}Lambda-Runtime-Function-Error-Body: ${Buffer.from(body).toString('base64')}\r\n`;
}

module.exports = { streamingInvoker };
