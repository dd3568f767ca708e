import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../base/clock.ts';
import type { Ids } from '../base/ids.ts';
import { ApiError } from '../model/api-error.ts';
import type { CodePackages } from '../packages/code-packages.ts';
import { errorAnswer } from '../protocol/error-answer.ts';
import { splitTarget } from '../protocol/target.ts';
import { isUnread, sendAndLinger, sendAnswer } from './answer.ts';
import { refuseBrowser } from './browser-guard.ts';
import { type HttpLimits, type HttpServer, startListener } from './listener.ts';
import { isMetricsRequest, type MetricsSource, metricsAnswer, refuseMetrics } from './metrics.ts';
import type { Pipeline } from './pipeline.ts';
import { advanceTestClock, type TestClock } from './test-clock.ts';

export interface HttpServerOptions {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly pipeline: Pick<Pipeline, 'serve' | 'answerPlain'>;
  readonly packages: Pick<CodePackages, 'openLink'>;
  /** Names of the services that are asked, told with the server's health; never their addresses. */
  readonly neighbours: readonly string[];
  /** What segments of traces go to, for people. */
  readonly tracing?: readonly string[];
  /** ARNs of the access points that have a directory, told in the same way. */
  readonly mounts?: readonly string[];
  /** Absent: there is no test clock. */
  readonly testClock?: TestClock;
  /** Without it there is no `/metrics`. */
  readonly metrics?: MetricsSource;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: (line: string) => void;
  readonly limits?: Partial<HttpLimits>;
}

const DONE = Promise.resolve();
const OWN_PATHS = '/_lambdad/';
const CODE_PATHS = `${OWN_PATHS}code/`;

/** Answers the server's own paths; false for a path of the API. */
async function serveOwn(
  options: HttpServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const { path, query } = splitTarget(request.url ?? '/');
  if (!path.startsWith(OWN_PATHS)) return false;
  const requestId = options.ids.uuid();
  const reading = request.method === 'GET' || request.method === 'HEAD';
  if (reading && path === `${OWN_PATHS}health`) {
    const headers = ['Content-Type', 'application/json', 'Cache-Control', 'no-store'];
    const { neighbours, mounts = [], tracing = [] } = options;
    const body = JSON.stringify({ status: 'ok', neighbours, mounts, tracing });
    sendAnswer(response, requestId, { status: 200, headers, body: Buffer.from(body) }, false);
    return true;
  }
  if (options.testClock && path === `${OWN_PATHS}clock`) {
    sendAnswer(response, requestId, await advanceTestClock(options.testClock, request.method, query), false);
    return true;
  }
  const zip =
    reading && path.startsWith(CODE_PATHS)
      ? await options.packages.openLink(path, new URLSearchParams(query))
      : undefined;
  if (zip) {
    const headers = ['Content-Type', 'application/zip', 'X-Content-Type-Options', 'nosniff'];
    sendAnswer(response, requestId, { status: 200, headers, body: zip }, false);
  } else if (path.startsWith(CODE_PATHS)) {
    refuse(options, request, response, new ApiError('AccessDeniedException', 'The link is wrong or has expired.'));
  } else refuse(options, request, response, new ApiError('UnknownOperationException', 'There is nothing here.'));
  return true;
}

function refuse(options: HttpServerOptions, request: IncomingMessage, response: ServerResponse, error: unknown): void {
  const requestId = options.ids.uuid();
  const answer = errorAnswer(error, requestId);
  if (isUnread(request)) sendAndLinger(request, response, requestId, answer, options.clock);
  else sendAnswer(response, requestId, answer, false);
}

/** Not async, and one promise more than the pipeline's own: most requests are invokes. */
function handle(options: HttpServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const fail = (error: unknown) => {
    options.log(`${request.method} ${request.url?.slice(0, 200)}: ${error instanceof Error ? error.stack : error}`);
    if (!response.headersSent && !response.destroyed) refuse(options, request, response, error);
  };
  try {
    const metrics = isMetricsRequest(request) ? options.metrics : undefined;
    const refused = refuseBrowser(request.headers) ?? (metrics && refuseMetrics(metrics, request));
    if (refused) refuse(options, request, response, refused);
    else if (metrics) sendAnswer(response, options.ids.uuid(), metricsAnswer(metrics), false);
    else return serveApi(options, request, response).catch(fail);
  } catch (error) {
    fail(error);
  }
  return DONE;
}

function serveApi(options: HttpServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (!request.url?.startsWith(OWN_PATHS)) return options.pipeline.serve(request, response);
  return serveOwn(options, request, response).then((isServed) =>
    isServed ? undefined : options.pipeline.serve(request, response),
  );
}

/**
 * Starts the HTTP server in front of a pipeline. Requests that a browser sends from a foreign or rebound origin are
 * refused before anything else; `/_lambdad/health`, `/_lambdad/code/…` and `/metrics` need no signature.
 *
 * @throws ListenError
 */
export function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  return startListener({
    ...options,
    portFlag: '--port',
    serve: (request, response) => handle(options, request, response),
    servePlain: (request, socket, leaving) => options.pipeline.answerPlain(request, socket, leaving),
  });
}
