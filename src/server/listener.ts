import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { PlainLane, type PlainLaneOptions } from './plain-lane.ts';

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

export interface ListenerOptions {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** The flag that chooses the port, for who has to choose another. */
  readonly portFlag: string;
  /** Answers a request; a client that asks before it sends its body waits for `writeContinue`. Never rejects. */
  readonly serve: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  /** Answers plain Invokes, without node:http's objects; absent: there are none here. */
  readonly servePlain?: PlainLaneOptions['serve'];
  readonly clock: Clock;
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

/** Answers what is not HTTP, or too slow, or too long in its head, and closes the connection. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  const answering = answeringOn(socket);
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

/**
 * Ends connections on which nothing is asked for. Node's own limit begins anew with every byte, and empty lines between two
 * requests are no request whose head could be late. */
function endIdle(server: Server, { keepAliveMs, headMs }: HttpLimits, look: (sinceMs: number) => void): Idle {
  const asking = new Set<Socket>();
  const idleMs = new Map<Socket, number>();
  const lookMs = Math.min(TIMEOUT_CHECK_MS, headMs);
  const timer = setInterval(() => {
    for (const [socket, ms] of idleMs) {
      const isBusy = asking.has(socket) || answeringOn(socket) !== undefined;
      if (!isBusy && ms > keepAliveMs + headMs) socket.destroy();
      else idleMs.set(socket, isBusy ? 0 : ms + lookMs);
    }
    asking.clear();
    look(lookMs);
  }, lookMs).unref();
  server.once('close', () => clearInterval(timer));
  const watch = (socket: Socket) => {
    idleMs.set(socket, 0);
    socket.once('close', () => idleMs.delete(socket));
  };
  return { asking, watch };
}

interface Idle {
  /** Connections that have asked since it was looked last. */
  readonly asking: Set<Socket>;
  readonly watch: (socket: Socket) => void;
}

/** The answer that is on its way on a connection. */
function answeringOn(socket: Socket): ServerResponse | undefined {
  return (socket as Socket & { _httpMessage?: ServerResponse | null })._httpMessage ?? undefined;
}

function listen(server: Server, host: string, port: number, flag: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE'
          ? `port ${port} on ${host} is in use; choose another with ${flag}, or ${flag} 0 for a free one`
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
 * Listens for HTTP, strictly and within limits.
 *
 * @throws ListenError
 */
export async function startListener(options: ListenerOptions): Promise<HttpServer> {
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
  // It comes once for each response; one function for all of them costs nothing for each.
  const onClose = () => {
    if (--running === 0) idle();
  };
  const { asking, watch } = endIdle(server, limits, (sinceMs) => lane?.look(sinceMs));
  const lane = openLane(server, options, limits, watch, { began: () => running++, ended: onClose });
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    running++;
    asking.add(request.socket);
    response.on('close', onClose);
    void options.serve(request, response);
  };
  server.on('request', onRequest);
  // Who serves says when it wants the body of a client that asks first.
  server.on('checkContinue', onRequest);
  server.on('clientError', answerClientError);
  await listen(server, options.host, options.port, options.portFlag);
  server.on('error', (error) => options.log(`http server: ${error.message}`));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    origin: `http://${hostForClients(options.host)}:${port}`,
    close(budgetMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const closeAll = () => {
        server.closeAllConnections();
        lane?.closeAll();
      };
      const timer = options.clock.after(budgetMs, closeAll);
      // Not closeIdleConnections(): it spares connections that never sent a request.
      idle = closeAll;
      if (running === 0) idle();
      return closed.finally(() => timer.cancel());
    },
  };
}

/** Connections begin in the lane, where there is one, and go to node's own listener from there. */
function openLane(
  server: Server,
  { clock, log, servePlain: serve }: ListenerOptions,
  { keepAliveMs }: HttpLimits,
  watch: (socket: Socket) => void,
  counting: Pick<PlainLaneOptions, 'began' | 'ended'>,
): PlainLane | undefined {
  if (!serve) {
    server.on('connection', watch);
    return undefined;
  }
  const listeners = server.listeners('connection');
  server.removeAllListeners('connection');
  const handOver = (socket: Socket, read: Buffer | undefined) => {
    watch(socket);
    for (const listener of listeners) listener.call(server, socket);
    if (read) socket.unshift(read);
  };
  const lane = new PlainLane({ clock, log, keepAliveMs, serve, handOver, ...counting });
  server.on('connection', (socket: Socket) => lane.accept(socket));
  return lane;
}

/** The address under which this machine reaches a server that listens on it; every address includes loopback. */
function hostForClients(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
