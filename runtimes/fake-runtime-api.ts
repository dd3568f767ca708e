import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** What a runtime posted: the result or error of an invocation, or with an empty id the init error. */
export interface Posted {
  readonly kind: 'response' | 'error' | 'init-error';
  readonly id: string;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: NodeJS.Dict<string>;
  readonly body: Buffer;
  /** Whether the body came chunked. */
  readonly chunked: boolean;
}

/** How the next post is answered instead of with 202. */
export interface Refusal {
  readonly status: number;
  readonly body?: string;
  /** Ends the connection with the answer. */
  readonly close?: boolean;
}

export interface FakeRuntimeApi {
  /** host:port, for AWS_LAMBDA_RUNTIME_API. */
  readonly address: string;
  /** Hands an event to the runtime, as soon as it asks, and resolves with what it posts for it. */
  invoke(event: unknown, headers?: Record<string, string>): Promise<Posted>;
  /** Resolves when the runtime has asked for an event and none is there. */
  idle(): Promise<void>;
  /** Resolves with the init error once it is posted. */
  initError(): Promise<Posted>;
  refuseNext(refusal: Refusal): void;
  /** Sends events without a length from now on. */
  sendChunked(): void;
  /** How many connections the runtime has opened. */
  connections(): number;
  /** Ends all connections. May be called again. */
  close(): Promise<void>;
}

interface QueuedEvent {
  readonly headers: Record<string, string>;
  readonly body: string | Buffer;
}

const HEADER_BYTES_MAX = 256 * 1024;
const DEADLINE_MS = 3000;
const accepted = { status: 202, body: '{"status":"OK"}\n' };

/** A Runtime API on loopback that answers as the platform does and keeps what comes in. */
export async function startFakeRuntimeApi(): Promise<FakeRuntimeApi> {
  const events: QueuedEvent[] = [];
  const askers: ServerResponse[] = [];
  const invocations = new Map<string, (posted: Posted) => void>();
  const initErrors = Promise.withResolvers<Posted>();
  const closing = new WeakSet<Socket>();
  let onIdle: (() => void)[] = [];
  let refusal: Refusal | undefined;
  let chunked = false;
  let count = 0;
  let connections = 0;

  function matchUp(): void {
    while (askers.length > 0 && events.length > 0) {
      const asker = askers.shift()!;
      const event = events.shift()!;
      asker.writeHead(
        200,
        chunked ? event.headers : { ...event.headers, 'Content-Length': Buffer.byteLength(event.body) },
      );
      asker.end(event.body);
    }
    if (askers.length === 0) return;
    for (const resolve of onIdle) resolve();
    onIdle = [];
  }

  function receive(posted: Posted): void {
    if (posted.kind === 'init-error') initErrors.resolve(posted);
    invocations.get(posted.id)?.(posted);
    invocations.delete(posted.id);
  }

  /** What was asked over a connection that ends now will be asked again over the next. */
  function forget(socket: Socket): void {
    closing.add(socket);
    for (const asker of askers.filter((each) => each.req.socket === socket)) askers.splice(askers.indexOf(asker), 1);
  }

  const server = createServer({ maxHeaderSize: HEADER_BYTES_MAX }, async (request, response) => {
    if (request.method === 'GET') {
      if (closing.has(request.socket)) return;
      askers.push(response);
      response.on('close', () => {
        const at = askers.indexOf(response);
        if (at >= 0) askers.splice(at, 1);
      });
      matchUp();
      return;
    }
    const posted = await readPost(request);
    const answer: Refusal = refusal ?? accepted;
    refusal = undefined;
    if (answer.close) forget(request.socket);
    response.writeHead(answer.status, {
      'Content-Type': 'application/json',
      ...(answer.close ? { Connection: 'close' } : {}),
    });
    response.end(answer.body ?? '{"errorMessage":"refused","errorType":"Refused"}\n');
    receive(posted);
  });
  server.on('connection', () => {
    connections += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    invoke(event, headers = {}) {
      count += 1;
      const id =
        headers['Lambda-Runtime-Aws-Request-Id'] ?? `8476a536-e9f4-11e8-9739-${String(count).padStart(12, '0')}`;
      const body = typeof event === 'string' || Buffer.isBuffer(event) ? event : JSON.stringify(event);
      const { promise, resolve } = Promise.withResolvers<Posted>();
      invocations.set(id, resolve);
      events.push({ headers: { ...invocationHeaders(id), ...headers }, body });
      matchUp();
      return promise;
    },
    idle() {
      if (askers.length > 0) return Promise.resolve();
      return new Promise((resolve) => onIdle.push(resolve));
    },
    initError: () => initErrors.promise,
    refuseNext(next) {
      refusal = next;
    },
    sendChunked() {
      chunked = true;
    },
    connections: () => connections,
    async close() {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function invocationHeaders(id: string): Record<string, string> {
  return {
    'Content-Type': 'application/json',
    'Lambda-Runtime-Aws-Request-Id': id,
    'Lambda-Runtime-Deadline-Ms': String(Date.now() + DEADLINE_MS),
    'Lambda-Runtime-Invoked-Function-Arn': 'arn:aws:lambda:us-east-1:123456789012:function:f',
    'Lambda-Runtime-Trace-Id': 'Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0',
  };
}

async function readPost(request: IncomingMessage): Promise<Posted> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const match = /^\/2018-06-01\/runtime\/(?:init\/(error)|invocation\/([^/]+)\/(response|error))$/.exec(
    request.url ?? '',
  );
  if (match === null) throw new Error(`the runtime asked for ${request.method} ${request.url}`);
  return {
    kind: match[1] === 'error' ? 'init-error' : (match[3] as 'response' | 'error'),
    id: match[2] ?? '',
    headers: request.headers,
    trailers: request.trailers,
    body: Buffer.concat(chunks),
    chunked: request.headers['transfer-encoding'] === 'chunked',
  };
}
