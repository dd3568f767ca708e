import http from 'node:http';
import https from 'node:https';
import { queryString, signedHeaders } from '../protocol/sign-request.ts';
import type { Connection } from './connection.ts';
import { ApiFailure, CommandFailure } from './failure.ts';

export interface ApiRequest {
  readonly service: 'lambda' | 'logs';
  readonly method: string;
  readonly path: string;
  /** Names and values, not encoded. */
  readonly query?: readonly (readonly [string, string])[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** How long the server may be silent. */
  readonly silenceMsMax?: number;
  /** Told how many bytes of the body the connection took so far. */
  onSent?(bytes: number): void;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A signed connection to one server. */
export interface Client {
  readonly connection: Connection;
  /** Resolves with a 2xx answer. Throws ApiFailure for any other, CommandFailure when no server answers. */
  send(request: ApiRequest): Promise<ApiAnswer>;
  close(): void;
}

const SILENCE_MS_MAX = 60_000;
const SENT_EVERY_MS = 200;
/** No answer of the API comes near this; a payload is at most 6 MB. */
const ANSWER_BYTES_MAX = 64 * 1_048_576;

export function openClient(connection: Connection): Client {
  const secure = connection.endpoint.startsWith('https:');
  const agent = new (secure ? https : http).Agent({ keepAlive: true });
  const exchange = (request: ApiRequest) => sendOnce(connection, agent, request);
  return {
    connection,
    async send(request) {
      const answer = await exchange(request).catch((error: SendError) => {
        // The server may close an idle connection at the moment it is used again: the request was not read.
        if (error.onReusedSocket && error.code === 'ECONNRESET') return exchange(request);
        throw error;
      });
      if (answer.status >= 200 && answer.status < 300) return answer;
      throw refusal(connection, answer);
    },
    close: () => agent.destroy(),
  };
}

/** Opens a client, uses it, closes it. */
export async function withClient<T>(connection: Connection, use: (client: Client) => Promise<T>): Promise<T> {
  const client = openClient(connection);
  try {
    return await use(client);
  } catch (error) {
    throw noServer(connection, error as SendError);
  } finally {
    client.close();
  }
}

interface SendError extends Error {
  code?: string;
  onReusedSocket?: boolean;
}

function sendOnce(connection: Connection, agent: http.Agent, request: ApiRequest): Promise<ApiAnswer> {
  const url = new URL(`${connection.endpoint}${request.path}`);
  const body = request.body ?? new Uint8Array();
  const query = queryString(request.query ?? []);
  const headers = signedHeaders(
    { method: request.method, path: url.pathname, query, headers: { ...request.headers, host: url.host }, body },
    connection.credentials,
    { region: connection.region, service: request.service },
    Date.now(),
  );
  return new Promise((resolve, reject) => {
    const outgoing = (url.protocol === 'https:' ? https : http).request(url.origin, {
      agent,
      method: request.method,
      path: query === '' ? url.pathname : `${url.pathname}?${query}`,
      headers: body.length > 0 || request.method !== 'GET' ? { ...headers, 'content-length': body.length } : headers,
      timeout: request.silenceMsMax ?? SILENCE_MS_MAX,
    });
    const sent =
      request.onSent && setInterval(() => request.onSent?.(outgoing.socket?.bytesWritten ?? 0), SENT_EVERY_MS);
    const fail = (error: SendError) => {
      clearInterval(sent);
      reject(Object.assign(error, { onReusedSocket: outgoing.reusedSocket }));
    };
    outgoing.on('timeout', () => outgoing.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })));
    outgoing.on('error', fail);
    outgoing.on('response', (response) => {
      clearInterval(sent);
      collect(response).then(
        (bytes) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: bytes }),
        fail,
      );
    });
    outgoing.end(body);
  });
}

async function collect(response: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    length += chunk.length;
    if (length > ANSWER_BYTES_MAX) throw new CommandFailure('the answer is larger than any of the API');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

function refusal(connection: Connection, answer: ApiAnswer): CommandFailure {
  let members: Record<string, unknown> = {};
  try {
    members = Object(JSON.parse(answer.body.toString('utf8')));
  } catch {
    // Not of this API: told by its status alone.
  }
  const header = answer.headers['x-amzn-errortype'];
  const name = String((Array.isArray(header) ? header[0] : header) ?? members['__type'] ?? '');
  const code = name.replace(/:.*$/, '').replace(/^.*#/, '');
  if (code === '')
    return new CommandFailure(`${connection.endpoint} answered HTTP ${answer.status}, and not as AWS Lambda does`);
  return new ApiFailure(code, String(members['message'] ?? members['Message'] ?? ''), answer.status);
}

const ABSENT: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'no such host',
  EPROTO: 'no HTTPS there',
  ETIMEDOUT: 'no answer in time',
};

/** A server was there, and went. */
const CUT_OFF: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE']);

/** Says what to do when nobody answers; hands on every other error as it is. */
function noServer(connection: Connection, error: SendError): Error {
  const parse = error.code?.startsWith('HPE_') ? 'no HTTP there' : undefined;
  const reason = parse ?? ABSENT[error.code ?? ''];
  if (CUT_OFF.has(error.code ?? ''))
    return new CommandFailure(`${connection.endpoint} closed the connection before it answered`, [
      'if the server was stopped meanwhile, start it again: lambdad start',
    ]);
  if (error instanceof CommandFailure || reason === undefined) return error;
  return new CommandFailure(`no server answers at ${connection.endpoint} (${reason})`, [
    'start one with: lambdad start',
    'or name another with: --endpoint URL',
  ]);
}
