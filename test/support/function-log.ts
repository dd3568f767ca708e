import { setTimeout as sleep } from 'node:timers/promises';
import type { TestServer } from './server.ts';

const LOOK_MS = 50;
const WAIT_MS = 20_000;

/** The log of a function as CloudWatch Logs gives it, once `wanted` is in it. Rejects when that never comes. */
export async function logWith(server: TestServer, name: string, wanted: RegExp): Promise<string> {
  for (const until = Date.now() + WAIT_MS; ; await sleep(LOOK_MS)) {
    const log = await logOf(server, name);
    if (wanted.test(log)) return log;
    if (Date.now() > until) throw new Error(`the log of ${name} never had ${wanted}:\n${log}`);
  }
}

async function logOf(server: TestServer, name: string): Promise<string> {
  const response = await fetch(server.url, {
    method: 'POST',
    headers: {
      'X-Amz-Target': 'Logs_20140328.FilterLogEvents',
      'Content-Type': 'application/x-amz-json-1.1',
      Authorization:
        'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/logs/aws4_request, SignedHeaders=host, Signature=0',
    },
    body: JSON.stringify({ logGroupName: `/aws/lambda/${name}` }),
  });
  const { events = [] } = (await response.json()) as { events?: readonly { message: string }[] };
  return events.map(({ message }) => message).join('');
}
