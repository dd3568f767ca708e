import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { TestServer } from './server.ts';

const CLIENT_MS_MAX = 50_000;
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

export interface ClientOutput {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a client program that finds `server` by its environment, to which `more` is added. Rejects with what it printed when
 * it fails.
 */
export async function runClient(
  command: string,
  args: readonly string[],
  server: TestServer,
  more: Readonly<Record<string, string>> = {},
): Promise<ClientOutput> {
  const env = { ...process.env, ...server.clientEnvironment(), AWS_PAGER: '', AWS_DEFAULT_OUTPUT: 'json', ...more };
  try {
    const options = { env, timeout: CLIENT_MS_MAX, maxBuffer: OUTPUT_BYTES_MAX, encoding: 'utf8' as const };
    return await promisify(execFile)(command, [...args], options);
  } catch (error) {
    const { stdout, stderr, message } = error as Error & Partial<ClientOutput>;
    throw new Error([message, stdout, stderr && `server:\n${server.stderr()}`].filter(Boolean).join('\n'));
  }
}
