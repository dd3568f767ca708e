/**
 * Function URLs, on a listener of their own: another origin than the API's, open to pages of every site, because a URL's
 * own settings say who is let in.
 *
 * Deliberate differences from AWS: HTTP and not HTTPS; responses are not held to 2 MB a second beyond their first 6 MB;
 * where there is no --url-domain a URL is a path, which its function does not see.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FoundUrl, FunctionUrlIndex } from '../functions/function-url-index.ts';
import { checkInvocable } from '../functions/preconditions.ts';
import { LATEST } from '../functions/records.ts';
import { resolveInvoke } from '../functions/resolve.ts';
import { invokeStreaming } from '../invoke/invoke-streaming.ts';
import { headerOf, type InvokeRequest, type InvokeTarget } from '../invoke/invoker.ts';
import { ApiError } from '../model/api-error.ts';
import type { Services } from '../operations/operation.ts';
import { bodyGate } from '../protocol/body-gate.ts';
import { errorAnswer, isUnexpected } from '../protocol/error-answer.ts';
import type { WireAnswer } from '../protocol/serialise.ts';
import { isUnread, sendAndLinger, sendAnswer } from './answer.ts';
import { BODY_BYTES_TOTAL_MAX, ByteBudget, ROOM_WAIT_MS } from './byte-budget.ts';
import { admit, forbidden, type UrlAccessParts } from './function-urls/url-access.ts';
import { corsHeaders, isPreflight, preflightHeaders } from './function-urls/url-cors.ts';
import { urlEvent } from './function-urls/url-event.ts';
import { readUrlResponse } from './function-urls/url-response.ts';
import { openUrlStream } from './function-urls/url-stream.ts';
import { type UrlTarget, urlTarget } from './function-urls/url-target.ts';
import { IdleWatch } from './idle-watch.ts';
import { type HttpLimits, type HttpServer, startListener } from './listener.ts';
import { BODY_IDLE_MS, type BodyOptions, ClientGone, readBody } from './request-body.ts';
import type { RequestLimit } from './request-limit.ts';
import { sendStream } from './streamed-answer.ts';

export interface UrlServerOptions extends Omit<UrlAccessParts, 'metadata'> {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly services: Services;
  readonly index: FunctionUrlIndex;
  /** Takes one line for each failure of our own. */
  readonly log: (line: string) => void;
  /** True when the server is closing: answers then end their connections. */
  readonly closing?: () => boolean;
  readonly limits?: Partial<HttpLimits>;
  readonly bodyIdleMs?: number;
}

/** Of the event, and so of the body too. */
const PAYLOAD_BYTES_MAX = 6_291_456;
const NOTHING = new Uint8Array(0);

const bodyLimit: RequestLimit = { bytesMax: PAYLOAD_BYTES_MAX, refuse: tooLarge };

function tooLarge(): ApiError {
  const message = `Request must be smaller than ${PAYLOAD_BYTES_MAX} bytes for the InvokeFunction operation`;
  return new ApiError('RequestTooLargeException', message);
}

/** What AWS was seen to answer where there is no such URL. */
const NO_URL: WireAnswer = {
  status: 403,
  headers: ['Content-Type', 'application/json', 'x-amzn-ErrorType', 'AccessDeniedException'],
  body: Buffer.from('{"Message":null}'),
};

/** The function failed, or its result is no HTTP response. */
const BAD_GATEWAY: WireAnswer = {
  status: 502,
  headers: ['Content-Type', 'application/json'],
  body: Buffer.from('Internal Server Error'),
};

/** Bodies on their way in, all together. */
type BodiesHeld = Pick<BodyOptions, 'budget' | 'watch'>;

/** One request on its way. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
}

/** Throws ListenError. */
export function startUrlServer(options: UrlServerOptions): Promise<HttpServer> {
  const { services } = options;
  const bodies: BodiesHeld = {
    budget: new ByteBudget(BODY_BYTES_TOTAL_MAX, services.clock),
    watch: new IdleWatch(services.clock, options.bodyIdleMs ?? BODY_IDLE_MS),
  };
  return startListener({
    host: options.host,
    port: options.port,
    portFlag: '--url-port',
    clock: services.clock,
    log: options.log,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    serve: (request, response) => serve(options, bodies, { request, response, requestId: services.ids.uuid() }),
  });
}

async function serve(options: UrlServerOptions, bodies: BodiesHeld, exchange: Exchange): Promise<void> {
  const { request, response, requestId } = exchange;
  const { clock } = options.services;
  const begunMs = clock.monotonic();
  const answered = (url: FoundUrl | undefined, status?: number) => {
    if (url !== undefined) metricsOf(options, url).urlAnswered(status, clock.monotonic() - begunMs);
  };
  let url: FoundUrl | undefined;
  let cors: readonly string[] = [];
  let answer: WireAnswer;
  try {
    const target = urlTarget(request);
    url = target && (await options.index.find(target.urlId));
    if (url && !isPreflight(request)) cors = corsHeaders(url.config.cors, request.headers);
    answer = target && url ? await answerOf(options, bodies, exchange, target, url) : NO_URL;
  } catch (error) {
    if (error instanceof ClientGone) return answered(url);
    if (isUnexpected(error)) options.log(`${requestId} ${request.method} of a function URL: ${describe(error)}`);
    answer = errorAnswer(error, requestId);
  }
  const whole = cors.length === 0 ? answer : { ...answer, headers: [...answer.headers, ...cors] };
  const close = options.closing?.() ?? false;
  const { stream } = whole;
  if (stream) await sendStream(response, requestId, { ...whole, stream }, { close, clock });
  else if (isUnread(request)) sendAndLinger(request, response, requestId, whole, clock);
  else sendAnswer(response, requestId, whole, close);
  answered(url, whole.status);
}

function metricsOf({ services }: UrlServerOptions, { namespace, config }: FoundUrl) {
  return services.metrics.of(namespace.account, namespace.region, config.functionName);
}

async function answerOf(
  options: UrlServerOptions,
  bodies: BodiesHeld,
  exchange: Exchange,
  target: UrlTarget,
  url: FoundUrl,
): Promise<WireAnswer> {
  const { request, response, requestId } = exchange;
  const { services } = options;
  const { clock } = services;
  const { cors } = url.config;
  if (cors && isPreflight(request)) return { status: 200, headers: preflight(cors, request), body: NOTHING };
  const nowMs = clock.now();
  const { authentication, policies } = options;
  const parts = { authentication, policies, metadata: services.metadata };
  const { caller, body: rule } = await admit(parts, url, request, nowMs);
  const subject = await subjectOf(services, url);
  if (request.headers.expect !== undefined && Number(request.headers['content-length'] ?? 0) <= PAYLOAD_BYTES_MAX)
    response.writeContinue();
  const reading = { limit: bodyLimit, gate: bodyGate(rule), ...bodies, clock, roomWaitMs: ROOM_WAIT_MS };
  const body = await readBody(request, reading);
  try {
    const given = single(request.headers['x-amzn-trace-id']);
    const trace = services.invoker.trace(subject, {
      requestId,
      ...(given === undefined ? {} : { traceHeader: given }),
    });
    const traceHeader = headerOf(trace);
    const { namespace } = url;
    const asked = { request, target, namespace, body: body.bytes, requestId, traceHeader, caller, nowMs };
    const payload = Buffer.from(urlEvent(asked));
    if (payload.length > PAYLOAD_BYTES_MAX) throw tooLarge();
    const invocation = { requestId, payload, trace, tail: false };
    const answer = await invokeFor(services, url, subject, invocation);
    return { ...answer, headers: ['X-Amzn-Trace-Id', traceHeader, ...answer.headers] };
  } finally {
    body.release();
  }
}

function preflight(cors: NonNullable<FoundUrl['config']['cors']>, { headers }: IncomingMessage): readonly string[] {
  return ['Content-Type', 'application/json', ...preflightHeaders(cors, headers)];
}

/** The version that runs. A URL whose alias was deleted is there, and lets nobody in. */
async function subjectOf({ metadata, ids }: Services, { namespace, config }: FoundUrl): Promise<InvokeTarget> {
  const { functionName, qualifier } = config;
  try {
    const named = qualifier === LATEST ? undefined : qualifier;
    const subject = await resolveInvoke(metadata, ids, namespace, functionName, named);
    checkInvocable(subject.version);
    return subject;
  } catch (error) {
    throw error instanceof ApiError && error.name === 'ResourceNotFoundException' ? forbidden() : error;
  }
}

async function invokeFor(
  services: Services,
  { config }: FoundUrl,
  subject: InvokeTarget,
  invocation: InvokeRequest,
): Promise<WireAnswer> {
  if (config.invokeMode === 'RESPONSE_STREAM')
    return (await openUrlStream(await invokeStreaming(services, subject, invocation))) ?? BAD_GATEWAY;
  const { payload, functionError } = await services.invoker.invoke(subject, invocation);
  return (functionError === undefined ? readUrlResponse(payload) : undefined) ?? BAD_GATEWAY;
}

function single(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0];
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
