import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ResourcePolicies } from '../access/policy-watch.ts';
import type { RequestFacts } from '../access/request-keys.ts';
import { ApiError } from '../model/api-error.ts';
import type { OperationName } from '../model/operations.gen.ts';
import type { ConditionKeys } from '../operations/access-resource.ts';
import type { Operation, Services } from '../operations/operation.ts';
import { bodyGate } from '../protocol/body-gate.ts';
import { errorAnswer, isUnexpected } from '../protocol/error-answer.ts';
import { parseInput } from '../protocol/parse.ts';
import { type Route, route } from '../protocol/route.ts';
import { type Outcome, serialise, type WireAnswer } from '../protocol/serialise.ts';
import type { Caller, RequestHead } from '../protocol/sigv4.ts';
import { parseQuery, splitTarget } from '../protocol/target.ts';
import { validateInput } from '../protocol/validate.ts';
import { StoreFull } from '../store/metadata.ts';
import { isUnread, sendAndLinger, sendAnswer } from './answer.ts';
import { type Authentication, authenticate, principalOf } from './authentication.ts';
import { authorise, refuseByIdentity } from './authorisation.ts';
import { BODY_BYTES_TOTAL_MAX, ByteBudget, ROOM_WAIT_MS } from './byte-budget.ts';
import { IdleWatch } from './idle-watch.ts';
import type { PlainAnswer } from './plain-lane.ts';
import type { PlainRequest } from './plain-request.ts';
import { BODY_IDLE_MS, type BodyOptions, ClientGone, type HeldBody, noRoom, readBody } from './request-body.ts';
import { type Leaving, RequestContext } from './request-context.ts';
import { requestFacts } from './request-facts.ts';
import { type RequestLimit, requestLimit } from './request-limit.ts';
import { sendStream } from './streamed-answer.ts';

/** Every operation of the API by its name. */
export type Operations = { readonly [Name in OperationName]: Operation<Name> };

/** The CloudWatch Logs API, served on the same endpoint: `target` is the whole value of X-Amz-Target. */
export type LogsApi = (
  target: string,
  body: Uint8Array,
  who: {
    readonly account: string;
    readonly region: string;
    /** The refusal of an action on a resource in AWS's words; undefined when the caller may. */
    readonly refusal: (action: string, resource: string, keys: ConditionKeys) => string | undefined;
  },
) => Promise<{
  readonly status: number;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}>;

export interface PipelineOptions {
  readonly operations: Operations;
  readonly services: Services;
  readonly authentication: Authentication;
  /** The policies of functions and layers, as `services.metadata` keeps them. */
  readonly policies: ResourcePolicies;
  readonly logsApi?: LogsApi;
  /** Takes one line for each failure of our own; stderr in the running server. */
  readonly log: (line: string) => void;
  /** True when the server is closing: answers then end their connections. */
  readonly closing?: () => boolean;
  readonly bodyBytesTotalMax?: number;
  readonly bodyIdleMs?: number;
  readonly roomWaitMs?: number;
}

const LOGS_TARGET = 'Logs_20140328.';
/** A batch of a megabyte is six when JSON escapes all of it; 10,000 events come with as many timestamps. */
const LOGS_BODY_BYTES_MAX = 8 * 1024 * 1024;
const PLAIN_METHOD = 'POST';
const LAMBDA_SERVICES = ['lambda'] as const;
const LOGS_SERVICES = ['logs'] as const;

const logsLimit: RequestLimit = {
  bytesMax: LOGS_BODY_BYTES_MAX,
  refuse: () =>
    new ApiError('RequestEntityTooLargeException', `Request must be smaller than ${LOGS_BODY_BYTES_MAX} bytes`),
};

/**
 * The way of every request: id, who sent it (before anything else looks at it), which operation, body within the
 * operation's limit and held against the signature, parse, validate, whether policies allow it, operation, answer.
 */
export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #bodies: Omit<BodyOptions, 'limit' | 'gate'>;

  constructor(options: PipelineOptions) {
    this.#options = options;
    const { clock } = options.services;
    this.#bodies = {
      budget: new ByteBudget(options.bodyBytesTotalMax ?? BODY_BYTES_TOTAL_MAX, clock),
      clock,
      watch: new IdleWatch(clock, options.bodyIdleMs ?? BODY_IDLE_MS),
      roomWaitMs: options.roomWaitMs ?? ROOM_WAIT_MS,
    };
  }

  /** Serves one API request; always answers while the client is there. Never rejects. */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { clock, ids } = this.#options.services;
    const requestId = ids.uuid();
    let answer: WireAnswer;
    try {
      answer = await this.#answer(request, response, requestId);
    } catch (thrown) {
      if (thrown instanceof ClientGone) return;
      answer = this.#refusal(thrown, requestId, `${request.method} ${request.url}`);
      if (isUnread(request)) {
        sendAndLinger(request, response, requestId, answer, clock);
        return;
      }
    }
    return send(response, requestId, answer, this.#options);
  }

  /** The same for a request that is there as a whole. Never rejects. */
  async answerPlain(request: PlainRequest, socket: Socket, leaving: Leaving): Promise<PlainAnswer> {
    const { closing, services } = this.#options;
    const { budget, roomWaitMs } = this.#bodies;
    const requestId = services.ids.uuid();
    const { length } = request.body;
    let held = 0;
    let answer: WireAnswer;
    try {
      if (!budget.tryTake(length) && !(await budget.take(length, roomWaitMs))) throw noRoom();
      held = length;
      answer = await this.#callPlain(request, socket, leaving, requestId);
    } catch (thrown) {
      answer = this.#refusal(thrown, requestId, `${PLAIN_METHOD} ${request.url}`);
    }
    budget.give(held);
    return { requestId, answer, close: closing?.() ?? false };
  }

  async #answer(request: IncomingMessage, response: ServerResponse, requestId: string): Promise<WireAnswer> {
    const { logsApi, authentication, services } = this.#options;
    const head = readHead(request);
    const target = request.headers['x-amz-target'];
    if (logsApi && typeof target === 'string' && target.startsWith(LOGS_TARGET)) {
      const caller = this.#judge(head, LOGS_SERVICES);
      const body = await read(request, response, caller, logsLimit, this.#bodies);
      const facts = requestFacts(request, principalOf(authentication, caller), caller.region, services.clock.now());
      return await callLogs(logsApi, target, body, facts);
    }
    const caller = this.#judge(head, LAMBDA_SERVICES);
    const found = route(head.method, head.path, head.query);
    const limit = requestLimit(found.operation, request.headers);
    const body = await read(request, response, caller, limit, this.#bodies);
    const context = this.#contextOf(requestId, caller, request, response);
    try {
      return serialise(found.operation, await this.#call(found.operation, head, found, body.bytes, context));
    } finally {
      body.release();
    }
  }

  #callPlain(request: PlainRequest, socket: Socket, leaving: Leaving, requestId: string): Promise<WireAnswer> {
    const head = readHead({ method: PLAIN_METHOD, ...request });
    const caller = this.#judge(head, LAMBDA_SERVICES);
    const { operation, labels } = route(head.method, head.path, head.query);
    const { body, headers } = request;
    const gate = bodyGate(caller.body);
    gate.take(body);
    gate.finish();
    const context = this.#contextOf(requestId, caller, { headers, socket }, leaving);
    return this.#call(operation, head, { operation, labels }, body, context).then((outcome) =>
      serialise(operation, outcome),
    );
  }

  #judge(head: RequestHead, serviceNames: readonly string[]): Caller {
    const { authentication, services } = this.#options;
    return authenticate(authentication, head, serviceNames, services.clock.now());
  }

  #contextOf(
    requestId: string,
    caller: Caller,
    request: Pick<IncomingMessage, 'headers' | 'socket'>,
    leaving: Leaving,
  ): RequestContext {
    const { authentication, services, policies } = this.#options;
    const who = { requestId, caller: principalOf(authentication, caller), region: caller.region };
    return new RequestContext(who, services, policies, request, leaving);
  }

  /** Not async: nothing is awaited here when it is known that the caller may, as it is on the warm path. */
  #call<Name extends OperationName>(
    name: Name,
    head: RequestHead,
    found: Route,
    bytes: Uint8Array,
    context: RequestContext,
  ): Promise<Outcome> {
    const { operations, policies } = this.#options;
    const parts = { labels: found.labels, query: head.query, headers: head.headers, body: bytes };
    const input = parseInput(name, parts);
    validateInput(name, input);
    const allowed = authorise(name, context, input, policies);
    const call = () => operations[name](context, input);
    return allowed === undefined ? call() : allowed.then(call);
  }

  #refusal(thrown: unknown, requestId: string, what: string): WireAnswer {
    const error = thrown instanceof StoreFull ? diskFull() : thrown;
    if (isUnexpected(error)) this.#options.log(`${requestId} ${what.slice(0, 200)}: ${describe(error)}`);
    return errorAnswer(error, requestId);
  }
}

function read(
  request: IncomingMessage,
  response: ServerResponse,
  caller: Caller,
  limit: RequestLimit,
  bodies: Omit<BodyOptions, 'limit' | 'gate'>,
): Promise<HeldBody> {
  if (request.headers.expect !== undefined && Number(request.headers['content-length'] ?? 0) <= limit.bytesMax)
    response.writeContinue();
  return readBody(request, { limit, gate: bodyGate(caller.body), ...bodies });
}

function send(
  response: ServerResponse,
  requestId: string,
  answer: WireAnswer,
  { closing, services }: PipelineOptions,
): Promise<void> | undefined {
  const close = closing?.() ?? false;
  const { stream } = answer;
  if (stream) return sendStream(response, requestId, { ...answer, stream }, { close, clock: services.clock });
  sendAnswer(response, requestId, answer, close);
  return undefined;
}

function readHead(
  request: Pick<IncomingMessage, 'url' | 'method' | 'headers'> & { readonly rawHeaders: readonly string[] },
): RequestHead {
  const { path, query } = splitTarget(request.url ?? '/');
  return {
    method: request.method ?? '',
    path,
    rawQuery: query,
    query: parseQuery(query),
    headers: request.headers,
    rawHeaders: request.rawHeaders,
  };
}

async function callLogs(api: LogsApi, target: string, body: HeldBody, facts: RequestFacts): Promise<WireAnswer> {
  const { caller, region } = facts;
  const refusal = (action: string, resource: string, keys: ConditionKeys) =>
    refuseByIdentity(facts, action, resource, keys);
  const who = { account: caller.account, region, refusal };
  const answer = await api(target, body.bytes, who).finally(() => body.release());
  const headers = ['Content-Type', 'application/x-amz-json-1.1'];
  for (const [name, value] of Object.entries(answer.headers ?? {})) headers.push(name, value);
  return { status: answer.status, headers, body: Buffer.from(answer.body) };
}

/** Nothing of the change was done, and the caller may try again when there is room: said plainly, not as a fault. */
function diskFull(): ApiError {
  return new ApiError('ServiceException', 'lambdad has no room left on its disk. Nothing was changed.');
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
