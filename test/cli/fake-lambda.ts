import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the command line asked for. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
  json(): Record<string, unknown>;
}

export interface FakeAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** The answer comes so much later. */
  readonly delayMs?: number;
}

export interface FakeFunction {
  FunctionName: string;
  [member: string]: unknown;
}

export interface FakeEvent {
  readonly eventId: string;
  readonly logStreamName: string;
  readonly timestamp: number;
  readonly message: string;
}

const REQUESTS_MAX = 1000;
const ARN = 'arn:aws:lambda:us-east-1:000000000000:function:';

/** A server in memory that answers as AWS does, as far as the command line asks, and remembers what it was asked. */
export class FakeLambda {
  readonly requests: SeenRequest[] = [];
  readonly functions = new Map<string, FakeFunction>();
  readonly aliases = new Set<string>();
  readonly logs = new Map<string, FakeEvent[]>();
  /** Answers of GetFunctionConfiguration that come before the function is as it is stored. */
  readonly pending: Record<string, unknown>[] = [];
  pageSize = 50;
  invoke: (request: SeenRequest) => FakeAnswer = () => ({ body: Buffer.from('null') });
  url = '';
  readonly #server = http.createServer((request, response) => void this.#serve(request, response));

  async start(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** The requests as `METHOD /path`, polls of a function's state left out. */
  get story(): string[] {
    const asked = this.requests.map(({ method, path }) => `${method} ${path.replace(/^\/\d{4}-\d\d-\d\d/, '')}`);
    return asked.filter((line) => !/^GET .*\/configuration$/.test(line));
  }

  /** The body of the first request whose story line begins so. */
  sent(line: string): Record<string, unknown> {
    const [method, path] = line.split(' ');
    const found = this.requests.find((request) => request.method === method && request.path.endsWith(path ?? ''));
    if (!found) throw new Error(`no ${line} among ${this.story.join(', ')}`);
    return found.json();
  }

  async #serve(incoming: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? '/', 'http://fake');
    const body = await buffer(incoming);
    const request: SeenRequest = {
      method: incoming.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: incoming.headers,
      body,
      json: () => JSON.parse(body.toString('utf8')),
    };
    if (this.requests.length < REQUESTS_MAX) this.requests.push(request);
    const answer = this.#answer(request);
    if (answer.delayMs !== undefined) await sleep(answer.delayMs);
    const bytes = Buffer.isBuffer(answer.body) ? answer.body : Buffer.from(JSON.stringify(answer.body ?? {}));
    response.writeHead(answer.status ?? 200, { 'content-type': 'application/json', ...answer.headers });
    response.end(answer.status === 204 ? undefined : bytes);
  }

  #answer(request: SeenRequest): FakeAnswer {
    if (request.headers['x-amz-target'] === 'Logs_20140328.FilterLogEvents') return this.#filter(request.json());
    const [, , collection, label = '', part = '', last] = request.path.split('/');
    if (collection !== 'functions') return refused(404, 'UnknownOperationException', 'no such path');
    const name = decodeURIComponent(label);
    if (label === '') return request.method === 'POST' ? this.#create(request) : this.#list(request);
    const view = this.functions.get(name.replace(/^.*:function:/, ''));
    if (!view) return refused(404, 'ResourceNotFoundException', `Function not found: ${ARN}${name}`);
    switch (`${request.method} ${part}`) {
      case 'GET configuration':
        return {
          body: { ...(this.pending.shift() ?? view), ...(request.query.has('Qualifier') ? { Version: '1' } : {}) },
        };
      case 'PUT code':
        return this.#change(view, { CodeSha256: digest(String(request.json()['ZipFile'])) });
      case 'PUT configuration':
        return this.#change(view, request.json());
      case 'POST versions':
        return { status: 201, body: { ...view, Version: '1', FunctionArn: `${view['FunctionArn']}:1` } };
      case 'POST aliases':
        this.aliases.add(String(request.json()['Name']));
        return { status: 201, body: { AliasArn: `${view['FunctionArn']}:${request.json()['Name']}` } };
      case 'PUT aliases':
        if (!this.aliases.has(last ?? '')) return refused(404, 'ResourceNotFoundException', 'Cannot find alias');
        return { body: { AliasArn: `${view['FunctionArn']}:${last}` } };
      case 'GET event-invoke-config':
        return { body: { FunctionEventInvokeConfigs: view['EventInvokeConfigs'] ?? [] } };
      case 'POST invocations':
        return this.invoke(request);
      case 'DELETE ':
        this.functions.delete(view.FunctionName);
        return { status: 204 };
      default:
        return refused(404, 'UnknownOperationException', 'no such path');
    }
  }

  #create(request: SeenRequest): FakeAnswer {
    const { Code, ...settings } = request.json() as { Code: { ZipFile: string }; FunctionName: string };
    const { FunctionName } = settings;
    const CodeSha256 = digest(Code.ZipFile);
    const state = { State: 'Active', LastUpdateStatus: 'Successful', Version: '$LATEST' };
    const view = { ...settings, ...state, CodeSha256, FunctionArn: `${ARN}${FunctionName}` };
    this.functions.set(FunctionName, view);
    return { status: 201, body: { ...view, State: 'Pending' } };
  }

  #change(view: FakeFunction, members: Record<string, unknown>): FakeAnswer {
    Object.assign(view, members);
    return { body: { ...view, LastUpdateStatus: 'InProgress' } };
  }

  #list(request: SeenRequest): FakeAnswer {
    const from = Number(request.query.get('Marker') ?? 0);
    const all = [...this.functions.values()].map(({ State, LastUpdateStatus, ...listed }) => listed);
    const next = from + this.pageSize;
    return {
      body: { Functions: all.slice(from, next), ...(next < all.length ? { NextMarker: String(next) } : {}) },
    };
  }

  #filter(input: Record<string, unknown>): FakeAnswer {
    const events = this.logs.get(String(input['logGroupName']));
    if (!events) return refused(400, 'ResourceNotFoundException', 'The specified log group does not exist.');
    const from = Number(input['nextToken'] ?? 0);
    const startTime = Number(input['startTime'] ?? 0);
    const matching = events.filter(({ timestamp }) => timestamp >= startTime).sort((a, b) => a.timestamp - b.timestamp);
    const next = from + this.pageSize;
    return {
      body: { events: matching.slice(from, next), ...(next < matching.length ? { nextToken: String(next) } : {}) },
    };
  }
}

export function refused(status: number, name: string, message: string): FakeAnswer {
  return { status, headers: { 'x-amzn-errortype': name }, body: { Type: 'User', Message: message } };
}

function digest(base64: string): string {
  return createHash('sha256').update(Buffer.from(base64, 'base64')).digest('base64');
}
