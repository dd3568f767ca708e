import { connect, createServer, type Server, type Socket } from 'node:net';
import { FakeClock, type Timer } from '../../src/base/clock.ts';
import { randomIds } from '../../src/base/ids.ts';
import type { ApiRequest } from '../../src/environments/runtime-api/request-parser.ts';
import { Telemetry } from '../../src/environments/telemetry/telemetry.ts';
import type { Logging } from '../../src/functions/records.ts';
import { FunctionLog } from '../../src/logs/function-log.ts';
import { appendedLog } from '../logs/memory-log-store.ts';

export const SECOND = 1000;
export const NOON_MS = Date.UTC(2026, 0, 2, 12);
export const NOON = '2026-01-02T12:00:00.000Z';
export const ALPHA = '11111111-2222-3333-4444-555555555555';
export const BETA = '99999999-2222-3333-4444-555555555555';

/** A fake clock that tells when a timer of a certain length is set. */
export class WatchedClock extends FakeClock {
  readonly #watches: { readonly delayMs: number; readonly seen: () => void }[] = [];

  override after(delayMs: number, action: () => void): Timer {
    const timer = super.after(delayMs, action);
    const at = this.#watches.findIndex((watch) => watch.delayMs === delayMs);
    if (at >= 0) this.#watches.splice(at, 1)[0]?.seen();
    return timer;
  }

  /** Resolves when the next timer of this length is set. Ask before it can be. */
  armed(delayMs: number): Promise<void> {
    return new Promise((seen) => this.#watches.push({ delayMs, seen }));
  }
}

export interface TelemetryWorld {
  readonly telemetry: Telemetry;
  readonly log: FunctionLog;
  readonly clock: WatchedClock;
  /** Ports that were dialled so far. */
  readonly dialled: number[];
  /** What CloudWatch has got. */
  messages(): string[];
  /** The head's first line and the body of the answer. */
  subscribe(body: unknown, options?: { id?: string; path?: string; method?: string }): { status: string; body: string };
}

const NAMES = new Map([
  [ALPHA, 'alpha'],
  [BETA, 'beta'],
]);

/** Telemetry of an environment that has two extensions, `alpha` and `beta` where not told otherwise, and dials this machine's loopback. */
export function telemetryWorld(
  logging: Logging = { format: 'Text', group: 'g' },
  names: ReadonlyMap<string, string> = NAMES,
): TelemetryWorld {
  const clock = new WatchedClock(NOON_MS);
  const appended = appendedLog();
  const parts = { store: appended.store, clock, ids: randomIds, account: '000000000000', region: 'us-east-1' };
  const log = new FunctionLog({ ...parts, logging, version: '$LATEST' });
  const dialled: number[] = [];
  const telemetry = new Telemetry({
    clock,
    log,
    extensionNameOf: (identifier) => names.get(identifier),
    dial: async (port) => {
      dialled.push(port);
      return connect(port, '127.0.0.1').on('error', () => undefined);
    },
  });
  return {
    telemetry,
    log,
    clock,
    dialled,
    messages: () => {
      log.flush();
      return appended.events.map((event) => event.message);
    },
    subscribe: (body, { id = ALPHA, path = '/2022-07-01/telemetry', method = 'PUT' } = {}) => {
      const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
      const answer = telemetry.answer(requestOf(method, path, id, bytes)).toString();
      const [head = '', text = ''] = answer.split('\r\n\r\n');
      return { status: head.split('\r\n')[0]?.slice('HTTP/1.1 '.length) ?? '', body: text };
    },
  };
}

/** The function writes a line. */
export function line(log: FunctionLog, text: string): void {
  log.stdout(Buffer.from(`${text}\n`));
}

export function requestOf(method: string, path: string, identifier: string, body: Buffer): ApiRequest {
  const headers = new Map(identifier === '' ? [] : [['lambda-extension-identifier', identifier]]);
  return { method, path, headers, body, tooLarge: false, trailers: new Map() };
}

/** A subscription to everything by HTTP, with what a test changes about it. */
export function httpTo(port: number, changes: Record<string, unknown> = {}) {
  const destination = { protocol: 'HTTP', URI: `http://sandbox.localdomain:${port}` };
  return { schemaVersion: '2022-12-13', types: ['platform', 'function', 'extension'], destination, ...changes };
}

export interface Consumer extends AsyncDisposable {
  readonly port: number;
  /** The next thing that it handed on. */
  next(): Promise<string>;
  /** Connections so far. */
  readonly sockets: Socket[];
}

/** A server on this machine; `serve` does with a connection what it likes and hands on what the test is to see. */
export async function consumer(serve: (socket: Socket, handOn: (what: string) => void) => void): Promise<Consumer> {
  const had: string[] = [];
  const waiting: ((what: string) => void)[] = [];
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    serve(socket, (what) => {
      const first = waiting.shift();
      if (first) first(what);
      else had.push(what);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    port,
    sockets,
    next: () => {
      const first = had.shift();
      return first === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(first);
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Hands on whole requests and answers each with what `answer` makes of it; `undefined` leaves it without one. */
export function httpConsumer(
  answer: (request: string, count: number) => string | undefined = () => OK,
): Promise<Consumer> {
  let count = 0;
  return consumer((socket, handOn) => {
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const head = text.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1]);
      if (head < 0 || text.length < head + 4 + length) return;
      const request = Buffer.from(text, 'latin1').toString();
      text = '';
      count += 1;
      const reply = answer(request, count);
      if (reply !== undefined) socket.write(reply);
      handOn(request);
    });
  });
}

export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK';

/** The events in a request that httpConsumer handed on. */
export function eventsIn(request: string): { time: string; type: string; record: unknown }[] {
  return JSON.parse(request.slice(request.indexOf('\r\n\r\n') + 4));
}

/** Types or texts of events, short. */
export function summary(request: string): unknown[] {
  return eventsIn(request).map(({ type, record }) => (typeof record === 'string' ? record : type));
}
