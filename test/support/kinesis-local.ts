import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { dirname } from 'node:path';

const READY_MS_MAX = 60_000;
const POLL_MS = 100;

export interface KinesisLocal {
  /** http://127.0.0.1:PORT: a server of Kinesis with the account 000000000000 in every region, empty. */
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Starts kinesis-local on a free port and waits until it answers. Its shards close when they are
 * split or merged, unlike moto's.
 */
export async function startKinesisLocal(): Promise<KinesisLocal> {
  const main = createRequire(import.meta.url).resolve('kinesis-local/main.js');
  const [plain, tls] = [await freePort(), await freePort()];
  const child = spawn(process.execPath, [main], {
    // Its certificate is beside it.
    cwd: dirname(main),
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      KINESIS_MOCK_PLAIN_PORT: String(plain),
      KINESIS_MOCK_TLS_PORT: String(tls),
      LOG_LEVEL: 'ERROR',
      CREATE_STREAM_DURATION: '0ms',
      SPLIT_SHARD_DURATION: '0ms',
      MERGE_SHARDS_DURATION: '0ms',
      SHARD_LIMIT: '200',
    },
  });
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const stop = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  const url = `http://127.0.0.1:${plain}`;
  try {
    await listening(child, url);
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function listening(child: ChildProcess, url: string): Promise<void> {
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-10_000);
  });
  for (const giveUpAt = performance.now() + READY_MS_MAX; performance.now() < giveUpAt; ) {
    if (child.exitCode !== null) break;
    const answer = await fetch(`${url}/healthcheck`).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`kinesis-local did not start:\n${errors}`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
