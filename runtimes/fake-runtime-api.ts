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

interface QueuedEvent {
  readonly headers: Record<string, string>;
  readonly body: string;
}

const HEADER_BYTES_MAX = 256 * 1024;
const DEADLINE_MS = 3000;
const accepted = { status: 202, body: '{"status":"OK"}\n' };

/** Starts a Runtime API on loopback that answers as the platform does and keeps what comes in. */
export async function startFakeRuntimeApi(): Promise<FakeRuntimeApi> {
  const api = new FakeRuntimeApi();
  await api.listen();
  return api;
}

export class FakeRuntimeApi {
  #events: QueuedEvent[] = [];
  #askers: ServerResponse[] = [];
  #invocations = new Map<string, (posted: Posted) => void>();
  #initError = Promise.withResolvers<Posted>();
  #onIdle: (() => void)[] = [];
  #closing = new WeakSet<Socket>();
  #refusal: Refusal | undefined;
  #chunked = false;
  #eventCount = 0;
  #connectionCount = 0;
  #server = createServer({ maxHeaderSize: HEADER_BYTES_MAX }, (request, response) => this.#answer(request, response));

  async listen(): Promise<void> {
    this.#server.on('connection', () => {
      this.#connectionCount += 1;
    });
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** host:port, for AWS_LAMBDA_RUNTIME_API. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Hands an event to the runtime, as soon as it asks, and resolves with what it posts for it. */
  invoke(event: unknown, headers: Record<string, string> = {}): Promise<Posted> {
    this.#eventCount += 1;
    const id = `8476a536-e9f4-11e8-9739-${String(this.#eventCount).padStart(12, '0')}`;
    const body = typeof event === 'string' ? event : JSON.stringify(event);
    const { promise, resolve } = Promise.withResolvers<Posted>();
    this.#invocations.set(id, resolve);
    this.#events.push({ headers: { ...invocationHeaders(id), ...headers }, body });
    this.#matchUp();
    return promise;
  }

  /** Resolves when the runtime has asked for an event and none is there. */
  idle(): Promise<void> {
    if (this.#askers.length > 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  /** Resolves with the init error once it is posted. */
  initError(): Promise<Posted> {
    return this.#initError.promise;
  }

  refuseNext(refusal: Refusal): void {
    this.#refusal = refusal;
  }

  /** Sends events without a length from now on. */
  sendChunked(): void {
    this.#chunked = true;
  }

  /** How many connections the runtime has opened. */
  connections(): number {
    return this.#connectionCount;
  }

  /** Ends all connections. May be called again. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET') {
      this.#takeAsker(request, response);
      return;
    }
    const posted = await readPost(request);
    const answer: Refusal = this.#refusal ?? accepted;
    this.#refusal = undefined;
    if (answer.close) this.#forget(request.socket);
    response.writeHead(answer.status, {
      'Content-Type': 'application/json',
      ...(answer.close ? { Connection: 'close' } : {}),
    });
    response.end(answer.body ?? '{"errorMessage":"refused","errorType":"Refused"}\n');
    if (posted.kind === 'init-error') this.#initError.resolve(posted);
    this.#invocations.get(posted.id)?.(posted);
    this.#invocations.delete(posted.id);
  }

  #takeAsker(request: IncomingMessage, response: ServerResponse): void {
    if (this.#closing.has(request.socket)) return;
    this.#askers.push(response);
    response.on('close', () => {
      this.#askers = this.#askers.filter((each) => each !== response);
    });
    this.#matchUp();
  }

  /** What was asked over a connection that ends now will be asked again over the next. */
  #forget(socket: Socket): void {
    this.#closing.add(socket);
    this.#askers = this.#askers.filter((each) => each.req.socket !== socket);
  }

  #matchUp(): void {
    while (this.#askers.length > 0 && this.#events.length > 0) {
      const asker = this.#askers.shift()!;
      const { headers, body } = this.#events.shift()!;
      asker.writeHead(200, this.#chunked ? headers : { ...headers, 'Content-Length': Buffer.byteLength(body) });
      asker.end(body);
    }
    if (this.#askers.length === 0) return;
    for (const resolve of this.#onIdle) resolve();
    this.#onIdle = [];
  }
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
