import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { Ids } from '../base/ids.ts';
import { ApiError } from '../model/api-error.ts';
import type { CodePackages } from '../packages/code-packages.ts';
import { errorAnswer } from '../protocol/error-answer.ts';
import { splitTarget } from '../protocol/target.ts';
import { isUnread, sendAndLinger, sendAnswer } from './answer.ts';
import { refuseBrowser } from './browser-guard.ts';
import type { Pipeline } from './pipeline.ts';

/** What a connection may cost. */
export interface HttpLimits {
  /** Request line and headers together. */
  readonly headBytesMax: number;
  /** From the first byte of a request to the end of its headers. */
  readonly headMs: number;
  /** From the first byte of a request to the end of its body. */
  readonly requestMs: number;
  /** An idle connection is kept so long for the next request. */
  readonly keepAliveMs: number;
  readonly connectionsMax: number;
}

export const httpLimits: HttpLimits = {
  headBytesMax: 64 * 1024,
  headMs: 15_000,
  requestMs: 300_000,
  keepAliveMs: 75_000,
  connectionsMax: 4096,
};

/** How often node looks for connections that are over their time. */
const TIMEOUT_CHECK_MS = 1000;
const HEADERS_MAX = 500;

export interface HttpServerOptions {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  readonly pipeline: Pipeline;
  readonly packages: Pick<CodePackages, 'openLink'>;
  /** Names of the services that are asked, told with the server's health; never their addresses. */
  readonly neighbours: readonly string[];
  /** ARNs of the access points that have a directory, told in the same way. */
  readonly mounts?: readonly string[];
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: (line: string) => void;
  readonly limits?: Partial<HttpLimits>;
}

export interface HttpServer {
  readonly port: number;
  /** `http://host:port` for clients on this machine. */
  readonly origin: string;
  /** Stops accepting, lets running requests finish within the budget, then cuts them off. */
  close(budgetMs: number): Promise<void>;
}

/** The address cannot be listened on: said in one line, exit 1. */
export class ListenError extends Error {}

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
    const body = JSON.stringify({ status: 'ok', neighbours: options.neighbours, mounts: options.mounts ?? [] });
    sendAnswer(response, requestId, { status: 200, headers, body: Buffer.from(body) }, false);
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

async function handle(options: HttpServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const refused = refuseBrowser(request.headers);
    if (refused) refuse(options, request, response, refused);
    else if (!request.url?.startsWith(OWN_PATHS) || !(await serveOwn(options, request, response)))
      await options.pipeline(request, response);
  } catch (error) {
    options.log(`${request.method} ${request.url?.slice(0, 200)}: ${error instanceof Error ? error.stack : error}`);
    if (!response.headersSent && !response.destroyed) refuse(options, request, response, error);
  }
}

/** Answers what is not HTTP, or too slow, or too long in its head, and closes the connection. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  const answering = (socket as Socket & { _httpMessage?: ServerResponse })._httpMessage;
  if (error.code === 'ECONNRESET' || !socket.writable || answering?.headersSent) {
    socket.destroy();
    return;
  }
  const status = error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400;
  const body = JSON.stringify({ Type: 'User', message: STATUS_CODES[status] });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    'Connection: close',
  ];
  // end() alone would wait for a client that never closes its half.
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE'
          ? `port ${port} on ${host} is in use; choose another with --port, or --port 0 for a free one`
          : error.code === 'EACCES'
            ? `port ${port} on ${host} may not be used by this user`
            : error.message;
      reject(new ListenError(`cannot listen: ${why}`));
    };
    server.once('error', fail);
    server.listen(port, host, () => {
      server.off('error', fail);
      resolve();
    });
  });
}

/**
 * Starts the HTTP server in front of a pipeline. Requests that a browser sends from a foreign or rebound origin are
 * refused before anything else; `/_lambdad/health` and `/_lambdad/code/…` need no signature.
 *
 * @throws ListenError
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const limits = { ...httpLimits, ...options.limits };
  const server = createServer({
    maxHeaderSize: limits.headBytesMax,
    headersTimeout: limits.headMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, limits.headMs),
    noDelay: true,
  });
  server.maxConnections = limits.connectionsMax;
  server.maxHeadersCount = HEADERS_MAX;
  let running = 0;
  let idle = () => {};
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    running++;
    response.once('close', () => {
      if (--running === 0) idle();
    });
    void handle(options, request, response);
  };
  server.on('request', onRequest);
  // The pipeline says when it wants the body of a client that asks first.
  server.on('checkContinue', onRequest);
  server.on('clientError', answerClientError);
  await listen(server, options.host, options.port);
  server.on('error', (error) => options.log(`http server: ${error.message}`));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    origin: `http://${hostForClients(options.host)}:${port}`,
    close(budgetMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const timer = options.clock.after(budgetMs, () => server.closeAllConnections());
      // Not closeIdleConnections(): it spares connections that never sent a request.
      idle = () => server.closeAllConnections();
      if (running === 0) idle();
      return closed.finally(() => timer.cancel());
    },
  };
}

/** The address under which this machine reaches a server that listens on it; every address includes loopback. */
function hostForClients(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
