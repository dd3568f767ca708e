import { borrow } from '../../base/let-go.ts';
import { OCTETS } from '../response-sink.ts';
import * as answers from './answers.ts';
import type { Connection, Poll } from './connection.ts';
import { type ErrorBody, initError, invocationError } from './error-body.ts';
import { eventAnswer } from './event-answer.ts';
import type { Invocation } from './invocation.ts';
import type { ApiRequest, BodyTaker, Fields, RequestHead, Result } from './request-parser.ts';
import { ResponseUpload, STREAM_BYTES_MAX } from './response-upload.ts';

/**
 * The Runtime API (2018-06-01) of one execution environment: the conversation with its runtime process.
 *
 * Source: runtime-facts 1. Only the environment's own processes reach it. States and refusals are AWS's; what a runtime
 * sends wrongly costs it an error answer and nothing else.
 *
 * A runtime that sends its response and the next `next` in one piece gets the 202 together with the next event: legal
 * on this wire, and one write less for each invoke. The bootstraps that lambdad brings along say the same in frames
 * (frames.ts) on a connection that was theirs by HTTP before; the states are one.
 *
 * Deliberate differences from AWS: no caller here has a Cognito identity, so that header never comes. There are no
 * snapshots: as on AWS without them, the restore paths do not exist.
 */

/** 6 MiB and 100 bytes: what a buffered response may hold. */
export const RESPONSE_BYTES_MAX = 6_291_556;

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

/** Who waits for an event, on a connection. */
export interface Asker {
  readonly connection: Connection;
  /** At most once for each time that it asks. Without effect when the connection is gone. */
  event(invocation: Invocation): void;
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

/** Amazon's Go client streams without naming the mode: chunks are a stream too, unless another mode is named. */
function isStreaming(headers: Fields): boolean {
  const mode = headers.get(MODE_HEADER);
  return mode ? mode === STREAMING : Boolean(headers.get('transfer-encoding'));
}

/** The one that is asked for at every invoke. */
export const NEXT_PATH = '/2018-06-01/runtime/invocation/next';
export const ERROR_TYPE_HEADER = 'lambda-runtime-function-error-type';
const MODE_HEADER = 'lambda-runtime-function-response-mode';
const STREAMING = 'streaming';
const ANSWER_PATH = /^\/2018-06-01\/runtime\/invocation\/([^/]+)\/(response|error)$/;

export class RuntimeApi {
  readonly #listener: RuntimeApiListener;
  /** Those that wait for an event, the first first. */
  readonly #askers: Asker[] = [];
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
    this.#askers.shift()?.event(invocation);
  }

  /** No event comes any more, and no answer is taken. */
  close(): void {
    if (this.#state === 'Running') this.#state = 'RuntimeResponseSentState';
    this.#upload?.cut();
  }

  /** A head of a path of this API whose body is still to come. */
  begun(connection: Connection, { method, path, headers }: RequestHead): BodyTaker | undefined {
    if (method !== 'POST') return undefined;
    const match = ANSWER_PATH.exec(path);
    const kind = match?.[2] as 'response' | 'error';
    if (!match || !this.resultBegun(connection, match[1] as string, kind)) return undefined;
    const sink = this.#invocation?.sink;
    if (sink === undefined || kind !== 'response' || !isStreaming(headers)) return undefined;
    const upload = new ResponseUpload(connection, sink, headers.get('content-type'));
    this.#upload = upload;
    return (piece) => {
      if (upload.take(piece)) return;
      // What is too much is known before the function has ended; what it sends from here on is read away.
      this.#answered({ kind: 'tooLarge', bytesMax: upload.bytesMax });
    };
  }

  /** The first bytes of an answer to an invocation are there, the last are not; false when it is not the running one. */
  resultBegun(connection: Connection, requestId: string, kind: 'response' | 'error'): boolean {
    if (this.#state !== 'Running' || requestId !== this.#invocation?.requestId) return false;
    this.#answering = connection;
    this.#state = kind === 'response' ? 'InvocationResponse' : 'InvocationErrorResponse';
    this.#listener.answering();
    return true;
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
    for (let at = this.#askers.length - 1; at >= 0; at--)
      if (this.#askers[at]?.connection === connection) this.#askers.splice(at, 1);
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

  /** Somebody asks for an event, which comes now or later. Gives the refusal, if it does not. */
  ask(asker: Asker): Buffer | undefined {
    switch (this.#state) {
      case 'Running':
        // Asked again while the event is being worked on: the same event again.
        asker.event(this.#invocation as Invocation);
        return undefined;
      case 'InitError':
      case 'InvocationResponse':
      case 'InvocationErrorResponse':
        return answers.invalidTransition(this.#state, 'Ready');
      case 'Ready':
        this.#askers.push(asker);
        return undefined;
      default:
        this.#state = 'Ready';
        this.#askers.push(asker);
        this.#listener.next();
        return undefined;
    }
  }

  #next(connection: Connection): void {
    const asker = new PollAsker(connection);
    const refused = this.ask(asker);
    if (refused) asker.poll.answer(refused);
  }

  #post(connection: Connection, request: ApiRequest): Buffer {
    const { path } = request;
    if (path === '/2018-06-01/runtime/init/error') return this.#initError(request);
    const match = ANSWER_PATH.exec(path);
    if (!match) return path === '/2018-06-01/ping' ? answers.methodNotAllowed : answers.notFound;
    return this.result(connection, match[1] as string, match[2] as 'response' | 'error', request);
  }

  /** The whole of an answer to an invocation. Gives what the runtime is to be answered: `accepted`, or a refusal. */
  result(connection: Connection, requestId: string, kind: 'response' | 'error', result: Result): Buffer {
    if (requestId !== this.#invocation?.requestId) return answers.invalidRequestId;
    if (this.#state === 'RuntimeResponseSentState')
      return this.#isTooLargeFor(connection) ? answers.tooLarge(STREAM_BYTES_MAX) : answers.invalidRequestId;
    if (this.#answering === connection) this.#answering = undefined;
    else if (this.#state !== 'Running')
      return answers.invalidTransition(
        this.#state,
        kind === 'response' ? 'InvocationResponse' : 'InvocationErrorResponse',
      );
    return kind === 'response' ? this.#response(result) : this.#error(result);
  }

  #response(request: Result): Buffer {
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
  #responseOf({ headers, body }: Result, mode: string | undefined): RuntimeAnswer {
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

  #error(request: Result): Buffer {
    if (request.tooLarge) return this.#tooLarge();
    const saidType = request.headers.get(ERROR_TYPE_HEADER);
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
    const errorType = judgedErrorType(request.headers.get(ERROR_TYPE_HEADER));
    this.#listener.initError({ ...initError(request), errorType });
    return answers.accepted;
  }
}

/** One that asked over HTTP, at its place among the answers. */
class PollAsker implements Asker {
  readonly connection: Connection;
  readonly poll: Poll;

  constructor(connection: Connection) {
    this.connection = connection;
    this.poll = connection.poll(true);
  }

  event(invocation: Invocation): void {
    const [head, payload] = eventAnswer(invocation) as [Uint8Array, Uint8Array?];
    // It may wait behind other answers before it is written: it is not given back.
    if (payload !== undefined) borrow(payload);
    this.poll.answer(head, payload);
  }
}
