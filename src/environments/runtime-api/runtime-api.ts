import { OCTETS, type ResponseSink } from '../response-sink.ts';
import * as answers from './answers.ts';
import type { Connection, Poll } from './connection.ts';
import { type ErrorBody, initError, invocationError } from './error-body.ts';
import type { ApiRequest, BodyTaker, RequestHead } from './request-parser.ts';
import { ResponseUpload, STREAM_BYTES_MAX } from './response-upload.ts';

/**
 * The Runtime API (2018-06-01) of one execution environment: the conversation with its runtime process.
 *
 * Source: runtime-facts 1. Only the environment's own processes reach it. States and refusals are AWS's; what a runtime
 * sends wrongly costs it an error answer and nothing else.
 *
 * A runtime that sends its response and the next `next` in one piece gets the 202 together with the next event: legal
 * on this wire, and one write less for each invoke.
 *
 * Deliberate differences from AWS: X-Ray is never told, so the cause of an error that a runtime reports for it is read
 * away. No caller here has a Cognito identity, so that header never comes. There are no snapshots: as on AWS without
 * them, the restore paths do not exist.
 */

/** 6 MiB and 100 bytes: what a buffered response may hold. */
export const RESPONSE_BYTES_MAX = 6_291_556;

export interface Invocation {
  readonly requestId: string;
  readonly deadlineMs: number;
  readonly invokedArn: string;
  readonly traceHeader: string;
  readonly clientContext?: string | undefined;
  readonly tenantId?: string | undefined;
  readonly contentType?: string | undefined;
  readonly payload: Uint8Array;
  /** Takes the response as the function writes it, if it does so in streaming mode; without, it is collected. */
  readonly sink?: ResponseSink | undefined;
}

export interface ReportedError extends ErrorBody {
  /** The header's, judged by the rule of the reference. */
  readonly errorType: string;
  /** The same as the runtime said it. */
  readonly saidType?: string | undefined;
}

/** How the runtime answered an invocation. */
export type RuntimeAnswer =
  | { readonly kind: 'response'; readonly body: Buffer }
  /** The invocation's sink has all of it. */
  | { readonly kind: 'streamed'; readonly bytes: number }
  | ({ readonly kind: 'error' } & ReportedError)
  | { readonly kind: 'tooLarge'; readonly bytesMax: number }
  /** It named a response mode that does not exist. */
  | { readonly kind: 'invalidMode' }
  /** The connection broke within the body. */
  | { readonly kind: 'truncated' };

export interface RuntimeApiListener {
  /** The runtime asks for an event: init is over, or the running invoke is. */
  next(): void;
  /** The first bytes of an answer are there, the last are not. */
  answering(): void;
  answer(answer: RuntimeAnswer): void;
  initError(error: ReportedError): void;
}

type State =
  | 'Started'
  | 'InitError'
  | 'Ready'
  | 'Running'
  | 'InvocationResponse'
  | 'InvocationErrorResponse'
  | 'RuntimeResponseSentState';

/** runtime-facts 1: kept when it holds the documented form, else Function.Unknown or Runtime.Unknown. */
export function judgedErrorType(header: string | undefined): string {
  if (header !== undefined && /(Runtime|Function)\.[A-Z][a-zA-Z]+/.test(header)) return header;
  return header?.startsWith('Function.') ? 'Function.Unknown' : 'Runtime.Unknown';
}

/** A header's value cannot hold line breaks or characters beyond Latin-1: what a caller put there is escaped. */
function headerValue(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : text.replace(/[^\x20-\x7e]/gu, escapeCharacter);
}

/** Amazon's Go client streams without naming the mode: chunks are a stream too, unless another mode is named. */
function isStreaming(headers: ReadonlyMap<string, string>): boolean {
  const mode = headers.get(MODE_HEADER);
  return mode ? mode === STREAMING : Boolean(headers.get('transfer-encoding'));
}

function escapeCharacter(character: string): string {
  let escaped = '';
  for (let i = 0; i < character.length; i++) escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
  return escaped;
}

/** The one that is asked for at every invoke. */
export const NEXT_PATH = '/2018-06-01/runtime/invocation/next';
const MODE_HEADER = 'lambda-runtime-function-response-mode';
const STREAMING = 'streaming';
const ANSWER_PATH = /^\/2018-06-01\/runtime\/invocation\/([^/]+)\/(response|error)$/;

export class RuntimeApi {
  readonly #listener: RuntimeApiListener;
  /** Those that wait for an event, the first first. */
  readonly #polls: Poll[] = [];
  #state: State = 'Started';
  #invocation: Invocation | undefined;
  /** That on which the body of an answer is on its way. */
  #answering: Connection | undefined;
  /** The response that goes to a sink. */
  #upload: ResponseUpload | undefined;

  constructor(listener: RuntimeApiListener) {
    this.#listener = listener;
  }

  /** Gives the runtime its next event; it has asked for one, or will. */
  deliver(invocation: Invocation): void {
    this.#invocation = invocation;
    this.#upload = undefined;
    this.#state = 'Running';
    const poll = this.#polls.shift();
    if (poll) this.#sendEvent(poll);
  }

  /** No event comes any more, and no answer is taken. */
  close(): void {
    if (this.#state === 'Running') this.#state = 'RuntimeResponseSentState';
    this.#upload?.cut();
  }

  /** A head of a path of this API whose body is still to come. */
  begun(connection: Connection, { method, path, headers }: RequestHead): BodyTaker | undefined {
    if (method !== 'POST' || this.#state !== 'Running') return undefined;
    const match = ANSWER_PATH.exec(path);
    if (match?.[1] !== this.#invocation?.requestId) return undefined;
    this.#answering = connection;
    this.#state = match?.[2] === 'response' ? 'InvocationResponse' : 'InvocationErrorResponse';
    this.#listener.answering();
    const sink = this.#invocation?.sink;
    if (sink === undefined || this.#state !== 'InvocationResponse' || !isStreaming(headers)) return undefined;
    const upload = new ResponseUpload(connection, sink, headers.get('content-type'));
    this.#upload = upload;
    return (piece) => {
      if (upload.take(piece)) return;
      // What is too much is known before the function has ended; what it sends from here on is read away.
      this.#answered({ kind: 'tooLarge', bytesMax: upload.bytesMax });
    };
  }

  request(connection: Connection, request: ApiRequest): void {
    const { method, path } = request;
    if (path === NEXT_PATH) {
      if (method === 'GET') this.#next(connection);
      else connection.answer(answers.methodNotAllowed);
    } else connection.answer(method === 'POST' ? this.#post(connection, request) : this.#get(method, path));
  }

  /** The connection is gone, with what it waited for and perhaps in the middle of an answer. */
  closed(connection: Connection): void {
    for (let at = this.#polls.length - 1; at >= 0; at--)
      if (this.#polls[at]?.connection === connection) this.#polls.splice(at, 1);
    if (this.#answering !== connection) return;
    this.#answering = undefined;
    if (this.#state === 'RuntimeResponseSentState') return;
    this.#answered({ kind: 'truncated' });
  }

  #get(method: string, path: string): Buffer {
    if (path === '/2018-06-01/ping') return method === 'GET' ? answers.pong : answers.methodNotAllowed;
    return ANSWER_PATH.test(path) || path === '/2018-06-01/runtime/init/error'
      ? answers.methodNotAllowed
      : answers.notFound;
  }

  #next(connection: Connection): void {
    switch (this.#state) {
      case 'Running':
        // Asked again while the event is being worked on: the same event again.
        this.#sendEvent(connection.poll(true));
        return;
      case 'InitError':
      case 'InvocationResponse':
      case 'InvocationErrorResponse':
        connection.answer(answers.invalidTransition(this.#state, 'Ready'));
        return;
      case 'Ready':
        this.#polls.push(connection.poll(true));
        return;
      default:
        this.#state = 'Ready';
        this.#polls.push(connection.poll(true));
        this.#listener.next();
    }
  }

  #post(connection: Connection, request: ApiRequest): Buffer {
    const { path } = request;
    if (path === '/2018-06-01/runtime/init/error') return this.#initError(request);
    const match = ANSWER_PATH.exec(path);
    if (!match) return path === '/2018-06-01/ping' ? answers.methodNotAllowed : answers.notFound;
    const kind = match[2] === 'response' ? 'InvocationResponse' : 'InvocationErrorResponse';
    if (match[1] !== this.#invocation?.requestId) return answers.invalidRequestId;
    if (this.#state === 'RuntimeResponseSentState')
      return this.#isTooLargeFor(connection) ? answers.tooLarge(STREAM_BYTES_MAX) : answers.invalidRequestId;
    if (this.#answering === connection) this.#answering = undefined;
    else if (this.#state !== 'Running') return answers.invalidTransition(this.#state, kind);
    return kind === 'InvocationResponse' ? this.#response(request) : this.#error(request);
  }

  #response(request: ApiRequest): Buffer {
    const mode = request.headers.get(MODE_HEADER);
    if (mode && mode !== STREAMING) {
      this.#answered({ kind: 'invalidMode' });
      return answers.invalidResponseMode;
    }
    if (request.tooLarge) return this.#tooLarge();
    const failed = request.trailers.get('lambda-runtime-function-error-type');
    if (failed) {
      const body = Buffer.from(request.trailers.get('lambda-runtime-function-error-body') ?? '', 'base64');
      this.#answered({ kind: 'error', body, errorType: judgedErrorType(failed), saidType: failed });
    } else this.#answered(this.#responseOf(request, mode));
    return answers.accepted;
  }

  /** A streamed response that came whole in its first piece is streamed all the same. */
  #responseOf({ headers, body }: ApiRequest, mode: string | undefined): RuntimeAnswer {
    if (this.#upload) return { kind: 'streamed', bytes: this.#upload.bytes };
    const sink = this.#invocation?.sink;
    if (mode !== STREAMING || sink === undefined) return { kind: 'response', body };
    sink.begin(headers.get('content-type') ?? OCTETS);
    if (body.length > 0) sink.write(body, () => {});
    return { kind: 'streamed', bytes: body.length };
  }

  /** The end of a streamed body that was refused while it came. */
  #isTooLargeFor(connection: Connection): boolean {
    if (this.#answering !== connection || !this.#upload?.isTooLarge) return false;
    this.#answering = undefined;
    return true;
  }

  #error(request: ApiRequest): Buffer {
    if (request.tooLarge) return this.#tooLarge();
    const saidType = request.headers.get('lambda-runtime-function-error-type');
    this.#answered({ kind: 'error', ...invocationError(request), errorType: judgedErrorType(saidType), saidType });
    return answers.accepted;
  }

  #tooLarge(): Buffer {
    this.#answered({ kind: 'tooLarge', bytesMax: RESPONSE_BYTES_MAX });
    return answers.tooLarge(RESPONSE_BYTES_MAX);
  }

  #answered(answer: RuntimeAnswer): void {
    this.#state = 'RuntimeResponseSentState';
    this.#listener.answer(answer);
  }

  #initError(request: ApiRequest): Buffer {
    if (this.#state !== 'Started') return answers.invalidTransition(this.#state, 'InitError');
    if (request.tooLarge) return answers.tooLarge(RESPONSE_BYTES_MAX);
    this.#state = 'InitError';
    const errorType = judgedErrorType(request.headers.get('lambda-runtime-function-error-type'));
    this.#listener.initError({ ...initError(request), errorType });
    return answers.accepted;
  }

  #sendEvent(poll: Poll): void {
    const invocation = this.#invocation as Invocation;
    const { payload, contentType } = invocation;
    let head =
      `HTTP/1.1 200 OK\r\nContent-Type: ${contentType === undefined ? 'application/json' : headerValue(contentType)}\r\n` +
      `Lambda-Runtime-Aws-Request-Id: ${invocation.requestId}\r\n` +
      `Lambda-Runtime-Deadline-Ms: ${invocation.deadlineMs}\r\n` +
      `Lambda-Runtime-Invoked-Function-Arn: ${invocation.invokedArn}\r\n` +
      `Lambda-Runtime-Trace-Id: ${headerValue(invocation.traceHeader)}\r\n`;
    if (invocation.clientContext) head += `Lambda-Runtime-Client-Context: ${headerValue(invocation.clientContext)}\r\n`;
    if (invocation.tenantId) head += `Lambda-Runtime-Aws-Tenant-Id: ${headerValue(invocation.tenantId)}\r\n`;
    head += `Content-Length: ${payload.length}\r\n\r\n`;
    poll.answer(Buffer.from(head, 'latin1'), payload);
  }
}
