import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import {
  CreateFunctionCommand,
  type LambdaClient,
  type Runtime,
  waitUntilFunctionActiveV2,
} from '@aws-sdk/client-lambda';
import { startTestServer, type TestServer, type TestServerOptions } from '../test/support/server.ts';
import { type ZipEntry, zipOf } from '../test/support/zip.ts';

/** Long enough for many environments to start at once on few processors. */
const DEPLOY_TIMEOUT_S = 60;
/** How a waiter of the SDK looks again, in seconds: with those of its own a bench mostly waits for nothing. */
export const SOON = { minDelay: 0.05, maxDelay: 0.1 };

export function benchFile(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** Starts a bare node:http server; resolves with its port and a way to end it. */
export async function startBareServer(
  file = 'bare-server.ts',
  args: readonly string[] = [],
): Promise<{ port: number; stop(): void }> {
  const child: ChildProcess = spawn(process.execPath, [benchFile(file), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  for await (const line of lines) return { port: Number(line), stop: () => child.kill() };
  throw new Error('the bare server did not start');
}

export interface Deployment {
  readonly name: string;
  readonly runtime: Runtime;
  readonly files: Readonly<Record<string, ZipEntry>>;
  readonly handler: string;
  readonly memoryMb?: number;
  /** ARNs of versions. */
  readonly layers?: string[];
}

export async function deploy(client: LambdaClient, deployment: Deployment): Promise<void> {
  await client.send(
    new CreateFunctionCommand({
      FunctionName: deployment.name,
      Runtime: deployment.runtime,
      Role: 'arn:aws:iam::000000000000:role/bench',
      Handler: deployment.handler,
      MemorySize: deployment.memoryMb ?? 128,
      Timeout: DEPLOY_TIMEOUT_S,
      ...(deployment.layers === undefined ? {} : { Layers: deployment.layers }),
      Code: { ZipFile: await zipOf(deployment.files) },
    }),
  );
  await waitUntilFunctionActiveV2({ client, maxWaitTime: 60, ...SOON }, { FunctionName: deployment.name });
}

/** The bytes of an Invoke. */
export function invokeRequest(host: string, name: string, body: string): string {
  return apiRequest(host, 'POST', `/2015-03-31/functions/${name}/invocations`, body);
}

/** The bytes of a request as a client without signing would send it: open mode reads no more than this. */
export function apiRequest(host: string, method: string, path: string, body = ''): string {
  const credential = 'Credential=000000000000/20260101/us-east-1/lambda/aws4_request';
  return (
    `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n` +
    `X-Amz-Date: 20260101T000000Z\r\n` +
    `Authorization: AWS4-HMAC-SHA256 ${credential}, SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}

/** Measures on a server of its own, which ends afterwards. */
export async function onServer<T>(
  measure: (server: TestServer) => Promise<T>,
  options: TestServerOptions = {},
): Promise<T> {
  const server = await startTestServer(options);
  try {
    return await measure(server);
  } finally {
    await server.stop();
  }
}
