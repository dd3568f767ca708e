import { request as httpRequest, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { authorization } from './protocol-server.ts';
import type { EncodedRequest } from './request-of.ts';

/** An error as it comes over the wire. */
export interface Refusal {
  readonly status: number;
  readonly name: string;
  readonly text: string;
}

export interface Answered {
  /** Absent when the server did what it was asked. */
  readonly refusal?: Refusal;
  readonly output: Readonly<Record<string, unknown>>;
}

/** Sends the head, and the body once the server wants it, as clients of AWS do: what is too long is never sent. */
export function sendWhenAsked(port: number, { method, path, headers, body }: EncodedRequest): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const own = { Authorization: authorization, Expect: '100-continue', 'Content-Length': lengthOf(body) };
    const sent = httpRequest({ port, host: '127.0.0.1', method, path, headers: { ...own, ...headers }, agent: false });
    sent.once('continue', () => sent.end(body));
    sent.once('response', (response) => {
      read(response)
        .then(resolve, reject)
        .finally(() => sent.destroy());
    });
    sent.once('error', reject);
    sent.flushHeaders();
  });
}

function lengthOf(body: string | Uint8Array | undefined): string {
  return String(body === undefined ? 0 : Buffer.byteLength(body));
}

async function read(response: IncomingMessage): Promise<Answered> {
  const said = await text(response);
  const output = (said === '' ? {} : JSON.parse(said)) as Record<string, unknown>;
  const status = response.statusCode ?? 0;
  if (status < 300) return { output };
  const name = String(response.headers['x-amzn-errortype'] ?? '');
  return { refusal: { status, name, text: String(output['Message'] ?? output['message']) }, output };
}
