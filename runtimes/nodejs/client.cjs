/**
 * The Runtime API (2018-06-01) over one raw connection.
 *
 * A node:http client costs several times what the handler it serves costs, so requests are written as text here. The
 * result of an invocation and the request for the next event leave in a single write; answers come back in the order of
 * the requests (HTTP/1.1 pipelining).
 *
 * The first request for an event offers to go on in frames (frames.cjs), which lambdad takes up; on any other platform,
 * and for results that are streamed, all of it is HTTP.
 */

'use strict';

const { writeSync } = require('fs');
const net = require('net');
const { AnswerParser } = require('./answer-parser.cjs');
const {
  FrameMaker,
  FrameReader,
  answerKind,
  answerOf,
  eventKind,
  headersOf,
  protocol,
  resultKinds,
} = require('./frames.cjs');

const invocationPath = '/2018-06-01/runtime/invocation/';
const initErrorPath = '/2018-06-01/runtime/init/error';
/** Bodies of fewer characters are joined with their head into one string; longer ones are encoded once. */
const joinedBodyCharsMax = 16 * 1024;
const refusalCharsMax = 1024;

class Client {
  #address;
  #onLost;
  #nextRequest;
  #hostLine;
  #socket;
  /** Receivers of the answers still outstanding, oldest first; never more than two: a result's and the next event's. */
  #waiting = [];
  #held = false;
  /** Nothing but frames is on the connection. */
  #isFramed = false;
  /** In frames: the next event has been asked for, and the answer to a last error is waited for. */
  #isAsked = false;
  #onLast;
  #frames = new FrameMaker();
  #parser;
  #lost = false;
  #onEvent = () => {};

  /**
   * Opens the connection.
   *
   * @param {string} address host:port, as in AWS_LAMBDA_RUNTIME_API
   * @param {(reason: string) => void} onLost called once, when the connection ends or the other side breaks the protocol
   * @param {number} [channel] descriptor of a connection that stands, in the place of one to `address`
   */
  constructor(address, onLost, channel) {
    this.#address = address;
    this.#onLost = onLost;
    this.#hostLine = `Host: ${address}\r\n`;
    this.#nextRequest = `GET ${invocationPath}next HTTP/1.1\r\n${this.#hostLine}\r\n`;
    this._open(channel);
  }

  /** Resolves when the connection stands, and nothing is left of the request for it. */
  connected() {
    return new Promise((resolve) => {
      if (this.#socket.connecting) this.#socket.once('connect', () => setImmediate(resolve));
      else setImmediate(resolve);
    });
  }

  /** Whether a request is under way, be it a result or the wait for the next event. */
  get awaitsAnswer() {
    return this.#waiting.length > 0 || this.#isAsked || this.#onLast !== undefined;
  }

  /** Keeps the process alive: the runtime waits for the other side, or a result is on its way. */
  hold() {
    this.#held = true;
    this.#socket.ref();
  }

  /** Lets the process end as soon as user code has nothing left to do. */
  release() {
    this.#held = false;
    this.#socket.unref();
  }

  /** Asks for the first event; it and every later one go to `receive(headers, body, isString)`: JSON, or a string as it is. */
  start(receive, isStreaming) {
    this.#onEvent = receive;
    if (isStreaming) {
      this.next();
      return;
    }
    this.hold();
    this.#waiting.push(this.#takeFirst);
    const offer = `Connection: Upgrade\r\nUpgrade: ${protocol}\r\n`;
    this._sendNow(Buffer.from(`${this.#nextRequest.slice(0, -2)}${offer}\r\n`));
  }

  next() {
    this.hold();
    this.#waiting.push(this.#takeEvent);
    this.#socket.write(this.#nextRequest, 'latin1');
  }

  /** Posts a JSON result and asks for the next event in the same write. */
  respond(id, body) {
    this.hold();
    if (this.#isFramed) {
      this.#isAsked = true;
      this._writeFrame(resultKinds.response, id, body);
      return;
    }
    this.#waiting.push(reportRefusal, this.#takeEvent);
    this._post(resultPath(id, 'response'), '', body, this.#nextRequest);
  }

  /** As respond, for a long string that is the same in JSON but for its quotes; false, and nothing done, for any other. */
  respondString(id, value) {
    if (!this.#isFramed) return false;
    const socket = this.#socket;
    const frame = this.#frames.stringFrame(resultKinds.response, id, value, socket.writableLength === 0);
    if (frame === undefined) return false;
    this.hold();
    this.#isAsked = true;
    socket.write(frame);
    return true;
  }

  /** Posts an error `{ type, body, cause }` and asks for the next event in the same write. */
  fail(id, failure) {
    this.hold();
    if (this.#isFramed) {
      this.#isAsked = true;
      this._writeFrame(resultKinds.error, errorFields(id, failure), failure.body);
      return;
    }
    this.#waiting.push(reportRefusal, this.#takeEvent);
    this._post(resultPath(id, 'error'), failureHeaders(failure), failure.body, this.#nextRequest);
  }

  /** Posts an error, without an id that of the init phase, and calls `done` once it is answered. */
  failLast(id, failure, done) {
    this.hold();
    if (this.#isFramed) {
      this.#onLast = done;
      this._writeFrame(resultKinds.lastError, errorFields(id, failure), failure.body);
      return;
    }
    this.#waiting.push(done);
    const path = id === undefined ? initErrorPath : resultPath(id, 'error');
    this._post(path, failureHeaders(failure), failure.body, '');
  }

  /**
   * Starts a streamed result; `headers` are whole header lines. Of what is returned, `write(bytes, flushed)` sends one
   * chunk and `end(trailers, flushed)` ends the body. `answered` is called with the answer, which may precede the end.
   */
  stream(id, headers, answered) {
    const socket = this.#socket;
    this.hold();
    this.#waiting.push((answer) => {
      reportRefusal(answer);
      answered();
    });
    const head = `POST ${resultPath(id, 'response')} HTTP/1.1\r\n${this.#hostLine}${headers}`;
    corkForThisTick(socket);
    socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n`, 'latin1');
    return {
      write(bytes, flushed) {
        corkForThisTick(socket);
        socket.write(`${bytes.length.toString(16)}\r\n`, 'latin1');
        socket.write(bytes);
        socket.write('\r\n', 'latin1', flushed);
      },
      end(trailers, flushed) {
        socket.write(`0\r\n${trailers}\r\n`, 'latin1', flushed);
      },
    };
  }

  _writeFrame(kind, fields, body) {
    const socket = this.#socket;
    this._sendNow(this.#frames.frame(kind, fields, body, socket.writableLength === 0));
  }

  _open(channel) {
    const parser = new AnswerParser(this.#takeAnswer, this.#lose);
    this.#parser = parser;
    const onread = { buffer: () => parser.target, callback: (byteCount, buffer) => parser.read(byteCount, buffer) };
    const socket =
      channel === undefined
        ? this._connect(onread)
        : new net.Socket({ fd: channel, onread, readable: true, writable: true });
    let reason = 'the connection was closed';
    socket.on('error', (error) => {
      reason = error.message;
    });
    socket.on('close', () => {
      if (socket === this.#socket) this.#lose(reason);
    });
    this.#socket = socket;
    if (!this.#held) socket.unref();
  }

  _connect(onread) {
    const colon = this.#address.lastIndexOf(':');
    const host = this.#address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
    return net.connect({ host, port: Number(this.#address.slice(colon + 1)), noDelay: true, onread });
  }

  /**
   * Past the stream where nothing waits in it: the descriptor does not block, and a result nearly always fits into what
   * the kernel has room for. The rest, and what fails, is the stream's.
   */
  _sendNow(bytes) {
    const socket = this.#socket;
    const handle = socket._handle;
    let sent = 0;
    if (handle && handle.fd >= 0 && socket.writableLength === 0) {
      try {
        sent = writeSync(handle.fd, bytes, 0, bytes.length);
      } catch {
        // The stream meets the error again.
      }
    }
    if (sent < bytes.length) socket.write(sent === 0 ? bytes : bytes.subarray(sent));
  }

  _post(path, headers, body, tail) {
    const socket = this.#socket;
    const head = `POST ${path} HTTP/1.1\r\n${this.#hostLine}Content-Type: application/json\r\n${headers}Content-Length: `;
    if (body.length < joinedBodyCharsMax) {
      const bytes = Buffer.byteLength(body);
      const encoding = bytes === body.length ? 'latin1' : 'utf8';
      socket.write(`${head}${bytes}\r\n\r\n${body}${tail}`, encoding);
      return;
    }
    const bytes = Buffer.from(body);
    socket.cork();
    socket.write(`${head}${bytes.length}\r\n\r\n`, 'latin1');
    socket.write(bytes);
    if (tail !== '') socket.write(tail, 'latin1');
    socket.uncork();
  }

  #takeAnswer = (answer) => {
    const receive = this.#waiting.shift();
    if (receive === undefined) {
      this.#lose('an answer came that nobody had asked for');
      return;
    }
    if (answer.close) this._reopen();
    receive(answer);
  };

  #takeEvent = (answer) => {
    if (answer.status === 200) this.#onEvent(answer.headers, answer.body);
    else this.#lose(`the request for the next event was answered with status ${answer.status}`);
  };

  #takeFirst = (answer) => {
    if (answer.status !== 101) {
      this.#takeEvent(answer);
      return;
    }
    this.#isFramed = true;
    this.#isAsked = true;
    this.#parser.handOver(new FrameReader(this.#takeFrame, this.#lose));
  };

  #takeFrame = (kind, fields, body, isString) => {
    if (kind === eventKind) {
      this.#isAsked = false;
      this.#onEvent(headersOf(fields), body, isString);
      return;
    }
    const answer = answerOf(body);
    if (kind !== answerKind) this.#takeEvent(answer);
    else if (this.#onLast === undefined) reportRefusal(answer);
    else this.#onLast(answer);
  };

  /** A server may end the connection with an answer, as Go's does after 413; a request behind it is then sent again. */
  _reopen() {
    const old = this.#socket;
    this._open();
    old.destroy();
    if (this.#waiting.length > 0) this.#socket.write(this.#nextRequest, 'latin1');
  }

  #lose = (reason) => {
    if (this.#lost) return;
    this.#lost = true;
    this.#onLost(reason);
  };
}

function resultPath(id, kind) {
  return `${invocationPath}${encodeURIComponent(id)}/${kind}`;
}

function errorFields(id, failure) {
  return `${id}\n${failure.type}\n${failure.cause}`;
}

function failureHeaders(failure) {
  const cause = failure.cause === '' ? '' : `Lambda-Runtime-Function-XRay-Error-Cause: ${failure.cause}\r\n`;
  return `Lambda-Runtime-Function-Error-Type: ${failure.type}\r\n${cause}`;
}

/** A 413 is worded for the caller by the platform. Any other refusal is told in the log, and the runtime goes on. */
function reportRefusal(answer) {
  if (answer.status === 202 || answer.status === 413) return;
  process.stderr.write(`The result was refused with ${answer.status}: ${answer.body.slice(0, refusalCharsMax)}\n`);
}

function corkForThisTick(socket) {
  socket.cork();
  process.nextTick(() => socket.uncork());
}

module.exports = { Client };
