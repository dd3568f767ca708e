import type { Socket } from 'node:net';
import * as answers from './answers.ts';
import { type ApiRequest, MalformedRequest, RequestParser } from './request-parser.ts';

/**
 * The Runtime API (2018-06-01) of one execution environment: the conversation with its runtime process.
 *
 * Source: runtime-facts 1. Only the environment's own processes reach it. States and refusals are AWS's; what a runtime
 * sends wrongly costs it an error answer and nothing else.
 *
 * A runtime that sends its response and the next `next` in one piece gets the 202 together with the next event: legal
 * on this wire, and one write less for each invoke.
 */

/** 6 MiB and 100 bytes: what a buffered response may hold. */
export const RESPONSE_BYTES_MAX = 6_291_556;
/** Connections one environment may hold open at a time; the official clients use one or two. */
const CONNECTIONS_MAX = 64;
/** Answers that may wait behind an unanswered `next`. */
const HELD_ANSWERS_MAX = 256;
/** Answers that the other side has not read yet; beyond this its requests wait. Events are not counted: one at a time. */
const UNREAD_BYTES_MAX = 1_048_576;

export interface Invocation {
  readonly requestId: string;
  readonly deadlineMs: number;
  readonly invokedArn: string;
  readonly traceHeader: string;
  readonly clientContext?: string | undefined;
  readonly tenantId?: string | undefined;
  readonly payload: Uint8Array;
}

export interface RuntimeApiListener {
  /** The runtime asks for an event: init is over, or the running invoke is. */
  next(): void;
  response(body: Buffer): void;
  responseTooLarge(): void;
  /** `errorType` is the header's, judged by the rule of the reference. */
  error(body: Buffer, errorType: string): void;
  initError(body: Buffer, errorType: string): void;
  /** The runtime named a response mode that does not exist; the invoke fails. */
  invalidResponseMode(): void;
}

type State = 'Started' | 'InitError' | 'Ready' | 'Running' | 'RuntimeResponseSentState';

/** runtime-facts 1: kept when it has the documented form, else Function.Unknown or Runtime.Unknown. */
export function judgedErrorType(header: string | undefined): string {
  if (header !== undefined && /^(Runtime|Function)\.[A-Z][a-zA-Z]+$/.test(header)) return header;
  return header?.startsWith('Function.') ? 'Function.Unknown' : 'Runtime.Unknown';
}

/** A header's value cannot hold line breaks or characters beyond Latin-1: what a caller put there is escaped. */
function headerValue(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : text.replace(/[^\x20-\x7e]/gu, escapeCharacter);
}

function escapeCharacter(character: string): string {
  let escaped = '';
  for (let i = 0; i < character.length; i++) escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
  return escaped;
}

const SMALL_BODY_BYTES_MAX = 16_384;

class Connection {
  readonly socket: Socket;
  /** Answers that wait to be written together. */
  held: Buffer[] = [];
  waitsForNext = false;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  flush(): void {
    if (this.held.length === 0) return;
    const out = this.held.length === 1 ? (this.held[0] as Buffer) : Buffer.concat(this.held);
    this.held = [];
    this.socket.write(out);
  }
}

export class RuntimeApi {
  readonly #listener: RuntimeApiListener;
  readonly #connections = new Set<Connection>();
  #state: State = 'Started';
  #invocation: Invocation | undefined;

  constructor(listener: RuntimeApiListener) {
    this.#listener = listener;
  }

  /** Takes over a connection of the runtime. */
  attach(socket: Socket): void {
    if (this.#connections.size >= CONNECTIONS_MAX) {
      socket.destroy();
      return;
    }
    const connection = new Connection(socket);
    this.#connections.add(connection);
    socket.setNoDelay(true);
    const parser = new RequestParser(RESPONSE_BYTES_MAX, (request) => this.#answer(connection, request));
    socket.on('data', (chunk: Buffer) => {
      try {
        parser.feed(chunk);
        // A connection that already asked for the next event reads the 202 when that event comes.
        if (!connection.waitsForNext) connection.flush();
        if (connection.held.length > HELD_ANSWERS_MAX) socket.destroy();
        // Who does not read answers gets no more of them.
        else if (socket.writableLength > UNREAD_BYTES_MAX) socket.pause();
      } catch (error) {
        if (!(error instanceof MalformedRequest)) throw error;
        connection.flush();
        socket.end(answers.truncated);
      }
    });
    socket.on('drain', () => socket.resume());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#connections.delete(connection));
  }

  /** Gives the runtime its next event; it has asked for one, or will. */
  deliver(invocation: Invocation): void {
    this.#invocation = invocation;
    this.#state = 'Running';
    for (const connection of this.#connections) if (connection.waitsForNext) this.#sendEvent(connection);
  }

  /** The runtime process is gone: its connections are closed and the next one starts from the beginning. */
  reset(): void {
    for (const connection of this.#connections) connection.socket.destroy();
    this.#connections.clear();
    this.#state = 'Started';
    this.#invocation = undefined;
  }

  #answer(connection: Connection, request: ApiRequest): void {
    const { method, path } = request;
    if (path === '/2018-06-01/runtime/invocation/next') {
      if (method !== 'GET') connection.held.push(answers.methodNotAllowed);
      else this.#next(connection);
      return;
    }
    connection.held.push(method === 'POST' ? this.#post(path, request) : this.#get(path));
  }

  #get(path: string): Buffer {
    if (path === '/2018-06-01/ping') return answers.pong;
    return /^\/2018-06-01\/runtime\/(invocation\/[^/]+\/(response|error)|init\/error)$/.test(path)
      ? answers.methodNotAllowed
      : answers.notFound;
  }

  #next(connection: Connection): void {
    connection.waitsForNext = true;
    if (this.#state === 'Running') {
      // Asked again while the event is being worked on: the same event again.
      this.#sendEvent(connection);
      return;
    }
    if (this.#state === 'InitError') {
      connection.waitsForNext = false;
      connection.held.push(answers.invalidTransition(this.#state, 'Ready'));
      return;
    }
    const first = this.#state !== 'Ready';
    this.#state = 'Ready';
    if (first) this.#listener.next();
  }

  #post(path: string, request: ApiRequest): Buffer {
    if (path === '/2018-06-01/runtime/init/error') return this.#initError(request);
    const match = /^\/2018-06-01\/runtime\/invocation\/([^/]+)\/(response|error)$/.exec(path);
    if (!match) return answers.notFound;
    const kind = match[2] === 'response' ? 'InvocationResponse' : 'InvocationErrorResponse';
    if (this.#invocation !== undefined && match[1] !== this.#invocation.requestId) return answers.invalidRequestId;
    if (this.#state === 'RuntimeResponseSentState') return answers.invalidRequestId;
    if (this.#state !== 'Running') return answers.invalidTransition(this.#state, kind);
    return kind === 'InvocationResponse' ? this.#response(request) : this.#error(request);
  }

  #response(request: ApiRequest): Buffer {
    const mode = request.headers.get('lambda-runtime-function-response-mode');
    this.#state = 'RuntimeResponseSentState';
    if (mode && mode.toLowerCase() !== 'streaming') {
      this.#listener.invalidResponseMode();
      return answers.invalidResponseMode;
    }
    if (request.tooLarge) {
      this.#listener.responseTooLarge();
      return answers.tooLarge(RESPONSE_BYTES_MAX);
    }
    const failed = request.trailers.get('lambda-runtime-function-error-type');
    if (failed) {
      const body = Buffer.from(request.trailers.get('lambda-runtime-function-error-body') ?? '', 'base64');
      this.#listener.error(body, judgedErrorType(failed));
    } else this.#listener.response(request.body);
    return answers.accepted;
  }

  #error(request: ApiRequest): Buffer {
    this.#state = 'RuntimeResponseSentState';
    if (request.tooLarge) {
      this.#listener.responseTooLarge();
      return answers.tooLarge(RESPONSE_BYTES_MAX);
    }
    this.#listener.error(
      errorBody(request),
      judgedErrorType(request.headers.get('lambda-runtime-function-error-type')),
    );
    return answers.accepted;
  }

  #initError(request: ApiRequest): Buffer {
    if (this.#state !== 'Started') return answers.invalidTransition(this.#state, 'InitError');
    if (request.tooLarge) return answers.tooLarge(RESPONSE_BYTES_MAX);
    this.#state = 'InitError';
    const errorType = judgedErrorType(request.headers.get('lambda-runtime-function-error-type'));
    this.#listener.initError(errorBody(request), errorType);
    return answers.accepted;
  }

  #sendEvent(connection: Connection): void {
    const invocation = this.#invocation as Invocation;
    connection.waitsForNext = false;
    const { payload } = invocation;
    let head =
      'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n' +
      `Lambda-Runtime-Aws-Request-Id: ${invocation.requestId}\r\n` +
      `Lambda-Runtime-Deadline-Ms: ${invocation.deadlineMs}\r\n` +
      `Lambda-Runtime-Invoked-Function-Arn: ${invocation.invokedArn}\r\n` +
      `Lambda-Runtime-Trace-Id: ${headerValue(invocation.traceHeader)}\r\n`;
    if (invocation.clientContext) head += `Lambda-Runtime-Client-Context: ${headerValue(invocation.clientContext)}\r\n`;
    if (invocation.tenantId) head += `Lambda-Runtime-Aws-Tenant-Id: ${headerValue(invocation.tenantId)}\r\n`;
    head += `Content-Length: ${payload.length}\r\n\r\n`;
    connection.held.push(Buffer.from(head, 'latin1'));
    if (payload.length <= SMALL_BODY_BYTES_MAX) {
      if (payload.length > 0) connection.held.push(Buffer.from(payload.buffer, payload.byteOffset, payload.length));
      connection.flush();
      return;
    }
    connection.socket.cork();
    connection.flush();
    connection.socket.write(payload);
    connection.socket.uncork();
  }
}

/** runtime-facts 1: of a body with a cause the caller sees the first three members only. */
function errorBody(request: ApiRequest): Buffer {
  if (request.headers.get('content-type') !== 'application/vnd.aws.lambda.error.cause+json') return request.body;
  try {
    const { errorMessage, errorType, stackTrace } = JSON.parse(request.body.toString()) as Record<string, unknown>;
    return Buffer.from(JSON.stringify({ errorMessage, errorType, stackTrace }));
  } catch {
    return Buffer.from('Invalid error body');
  }
}
