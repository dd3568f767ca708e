import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { FakeClock } from '../../src/base/clock.ts';
import { DiskLogStore } from '../../src/logs/disk-log-store.ts';
import type { LogLimits } from '../../src/logs/log-groups.ts';
import { createLogsApi } from '../../src/server/logs-api.ts';

export const NOW_MS = Date.UTC(2026, 0, 2, 12);
export const ACCOUNT = '000000000000';
export const REGION = 'us-east-1';
export const GROUP = '/aws/lambda/f';

/** The members of all answers that tests look at. */
export interface Output {
  readonly __type: string;
  readonly message: string;
  readonly events: readonly { timestamp: number; message: string; logStreamName: string; eventId: string }[];
  readonly searchedLogStreams: readonly unknown[];
  readonly nextToken?: string;
  readonly nextForwardToken: string;
  readonly nextBackwardToken: string;
  readonly nextSequenceToken: string;
  readonly rejectedLogEventsInfo?: object;
  readonly rejectedEntityInfo?: object;
  readonly tags: Readonly<Record<string, string>>;
  readonly logGroups: readonly {
    readonly logGroupName: string;
    readonly arn: string;
    readonly creationTime: number;
    readonly retentionInDays?: number;
  }[];
  readonly logStreams: readonly {
    readonly logStreamName: string;
    readonly lastEventTimestamp?: number;
    readonly uploadSequenceToken: string;
  }[];
}

export interface Answer {
  readonly status: number;
  readonly output: Output;
}

export interface Caller {
  readonly account?: string;
  readonly region?: string;
}

/** The API over HTTP in front of a store on disk, on a clock of its own. It goes when the test ends. */
export async function logsServer(t: TestContext, limits: Partial<LogLimits> = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'lambdad-logs-api-'));
  const clock = new FakeClock(NOW_MS);
  const store = new DiskLogStore({ directory, totalBytesMax: 1e9, clock, onTrouble: () => {}, limits });
  const api = createLogsApi(store, clock);
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { account = ACCOUNT, region = REGION } = JSON.parse(String(request.headers['x-caller'])) as Caller;
    const who = { account, region, refusal: () => undefined };
    const answer = await api(String(request.headers['x-amz-target']), Buffer.concat(chunks), who);
    response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await store.close();
    await rm(directory, { recursive: true, force: true });
  });
  const { port } = server.address() as AddressInfo;
  const call = async (operation: string, input: unknown, caller: Caller = {}): Promise<Answer> => {
    const headers = {
      'X-Amz-Target': `Logs_20140328.${operation}`,
      'Content-Type': 'application/x-amz-json-1.1',
      'X-Caller': JSON.stringify(caller),
    };
    const body = typeof input === 'string' ? input : JSON.stringify(input);
    const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body });
    assert.equal(response.headers.get('content-type'), 'application/x-amz-json-1.1');
    const answer = await response.text();
    return { status: response.status, output: answer === '' ? undefined : JSON.parse(answer) };
  };
  /** Asserts success. */
  const done = async (operation: string, input: unknown, caller?: Caller): Promise<Output> => {
    const { status, output } = await call(operation, input, caller);
    assert.equal(status, 200, `${operation}: ${JSON.stringify(output)}`);
    return output;
  };
  /** Asserts a refusal; the name and text of the error. */
  const refusal = async (operation: string, input: unknown, caller?: Caller): Promise<string> => {
    const { status, output } = await call(operation, input, caller);
    assert.equal(status, 400, `${operation}: ${JSON.stringify(output)}`);
    return `${output.__type}: ${output.message}`;
  };
  /** What a function would write. */
  const write = (stream: string, from: number, to: number, group = GROUP) => {
    const events = Array.from({ length: to - from }, (_, i) => ({
      timestamp: NOW_MS + from + i,
      message: `m${from + i}\n`,
    }));
    store.append({ account: ACCOUNT, region: REGION, group, stream }, events);
  };
  return { call, done, refusal, write, store, clock, directory };
}

export function messagesOf({ events }: Output): string[] {
  return events.map(({ message }) => message.trimEnd());
}
