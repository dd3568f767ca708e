// A server whose operations are stubs, for the tests of the protocol.
import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { systemClock } from '../../src/base/clock.ts';
import { randomIds } from '../../src/base/ids.ts';
import { type OperationName, operationModels } from '../../src/model/operations.gen.ts';
import type { OperationContext, Services } from '../../src/operations/operation.ts';
import { startHttpServer } from '../../src/server/http.ts';
import type { HttpLimits, HttpServer } from '../../src/server/listener.ts';
import { type Operations, Pipeline, type PipelineOptions } from '../../src/server/pipeline.ts';

export type Stub = (context: OperationContext, input: never) => Promise<{ output: object; status?: number }>;

export interface Call {
  readonly operation: OperationName;
  readonly input: Readonly<Record<string, unknown>>;
  readonly account: string;
  readonly region: string;
}

export interface TestServer extends AsyncDisposable {
  readonly http: HttpServer;
  readonly port: number;
  readonly calls: Call[];
  readonly log: string[];
  send(method: string, path: string, options?: SendOptions): Promise<Answer>;
}

export interface SendOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Leave out the Authorization header. */
  readonly anonymous?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  readonly text: string;
  json(): Record<string, unknown>;
}

export const authorization =
  'AWS4-HMAC-SHA256 Credential=123456789012/20200101/eu-central-1/lambda/aws4_request, ' +
  'SignedHeaders=host;x-amz-date, Signature=0000000000000000000000000000000000000000000000000000000000000000';

export function send(port: number, method: string, path: string, options: SendOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { ...(options.anonymous ? {} : { Authorization: authorization }), ...options.headers };
    const body = options.body === undefined ? undefined : Buffer.from(options.body);
    const request = httpRequest({ port, host: '127.0.0.1', method, path, headers, agent: false }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.once('error', reject);
      response.once('end', () => {
        const whole = Buffer.concat(pieces);
        const text = whole.toString();
        const json = () => JSON.parse(text) as Record<string, unknown>;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: whole, text, json });
      });
    });
    request.once('error', reject);
    if (body) request.setHeader('Content-Length', body.byteLength);
    request.end(body);
  });
}

/** Sends raw bytes and returns everything that comes back until the server closes the connection. */
export function sendRaw(port: number, bytes: string | Uint8Array, then?: (socket: Socket) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let seen = '';
    socket.on('data', (piece) => {
      seen += piece.toString('latin1');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
    });
    socket.on('close', () => resolve(seen));
    socket.write(bytes);
    then?.(socket);
  });
}

export interface TestServerOptions {
  readonly stubs?: Partial<Record<OperationName, Stub>>;
  readonly pipeline?: Partial<Omit<PipelineOptions, 'operations'>>;
  readonly limits?: Partial<HttpLimits>;
  readonly openLink?: (path: string, query: URLSearchParams) => Promise<Uint8Array | undefined>;
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const calls: Call[] = [];
  const log: string[] = [];
  const operations = Object.fromEntries(
    (Object.keys(operationModels) as OperationName[]).map((operation) => {
      const stub: Stub = options.stubs?.[operation] ?? (async () => ({ output: {} }));
      return [
        operation,
        (context: OperationContext, input: never) => {
          calls.push({ operation, input, account: context.account, region: context.region });
          return stub(context, input);
        },
      ];
    }),
  ) as unknown as Operations;
  const services = { clock: systemClock, ids: randomIds } as unknown as Services;
  const toLog = (line: string) => log.push(line);
  const pipeline = new Pipeline({
    operations,
    services,
    authentication: { mode: 'open' },
    policies: { isKnownFree: () => true, read: async () => undefined },
    log: toLog,
    ...options.pipeline,
  });
  const http = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    pipeline,
    neighbours: [],
    packages: { openLink: options.openLink ?? (async () => undefined) },
    clock: systemClock,
    ids: randomIds,
    log: toLog,
    ...(options.limits ? { limits: options.limits } : {}),
  });
  return {
    http,
    port: http.port,
    calls,
    log,
    send: (method, path, sendOptions) => send(http.port, method, path, sendOptions),
    [Symbol.asyncDispose]: () => http.close(0),
  };
}
