/** One call of an AWS Query service (EC2, IAM): a signed form, answered in XML. Their SDK clients are 28 MB. */
import http from 'node:http';
import https from 'node:https';
import { queryString, signedHeaders } from '../protocol/sign-request.ts';
import type { Namespace } from '../store/namespace.ts';
import { ANSWER_BYTES_MAX, ask, CONNECT_MS_MAX, cut, type Link, unreachable } from './link.ts';
import { NeighbourRefusal } from './neighbours.ts';
import { readXml, textOf, type XmlElement } from './xml.ts';

export interface QueryCall {
  readonly action: string;
  readonly version: string;
  readonly parameters: readonly (readonly [name: string, value: string])[];
  /** Where IAM differs: it is signed for one region, whatever the caller's. */
  readonly region?: string;
  /** What is asked about, as an error should name it. */
  readonly resource?: string | undefined;
}

/** The root of the answer. Rejects with NeighbourRefusal and NeighbourUnreachable. */
export async function queryCall(link: Link, namespace: Namespace, call: QueryCall): Promise<XmlElement> {
  const { status, body } = await ask(link, call.action, (signal) => post(link, namespace, call, signal));
  let root: XmlElement;
  try {
    root = readXml(body);
  } catch (error) {
    throw unreachable(link, call.action, `HTTP ${status}, and ${(error as Error).message}`);
  }
  if (status === 200) return root;
  const code = textOf(root, 'Code');
  if (code === undefined) throw unreachable(link, call.action, `HTTP ${status} without an error code`);
  throw new NeighbourRefusal(link.neighbour, call.action, cut(code), cut(textOf(root, 'Message') ?? ''), {
    resource: call.resource,
    isFault: status >= 500,
  });
}

async function post(link: Link, namespace: Namespace, call: QueryCall, signal: AbortSignal) {
  const url = new URL(link.endpoint);
  const path = url.pathname;
  const body = Buffer.from(queryString([['Action', call.action], ['Version', call.version], ...call.parameters]));
  const headers = signedHeaders(
    {
      method: 'POST',
      path,
      query: '',
      headers: { host: url.host, 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
      body,
    },
    link.credentials(namespace),
    { region: call.region ?? namespace.region, service: link.neighbour },
    Date.now(),
  );
  return await new Promise<{ status: number; body: string }>((resolve, reject) => {
    const request = (url.protocol === 'https:' ? https : http).request(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': body.length },
      agent: false,
      signal,
    });
    const slow = setTimeout(
      () => request.destroy(new Error(`no connection within ${CONNECT_MS_MAX / 1000} s`)),
      CONNECT_MS_MAX,
    );
    request.on('socket', (socket) => socket.once('connect', () => clearTimeout(slow)));
    request.on('close', () => clearTimeout(slow));
    request.on('error', reject);
    request.on('response', (response) => {
      collect(response).then((text) => resolve({ status: response.statusCode ?? 0, body: text }), reject);
    });
    request.end(body);
  });
}

async function collect(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    length += chunk.length;
    if (length > ANSWER_BYTES_MAX) throw new Error(`more than ${ANSWER_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length).toString('utf8');
}
