import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startTestServer, type TestServer, type TestServerOptions } from '../support/server.ts';

const LOOK_MS = 20;
const TELL_MS_MAX = 30_000;

export interface MemoryHeld {
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
}

export interface WatchedServer extends TestServer {
  /** What the server holds in bytes, its garbage collected. */
  memory(): Promise<MemoryHeld>;
}

/** A server that tells what it holds after a collection. */
export async function startWatchedServer(options: TestServerOptions = {}): Promise<WatchedServer> {
  const folder = mkdtempSync(join(tmpdir(), 'lambdad-watched-'));
  const file = join(folder, 'memory.json');
  const preload = fileURLToPath(new URL('memory-on-signal.mjs', import.meta.url));
  const env = { ...options.env, PROOF_MEMORY_FILE: file, NODE_OPTIONS: `--import=${preload}` };
  const server = await startTestServer({ ...options, env });
  const forget = () => rmSync(folder, { recursive: true, force: true });
  server.exited.then(forget, forget);
  const memory = async () => {
    rmSync(file, { force: true });
    process.kill(server.pid, 'SIGUSR2');
    for (const until = Date.now() + TELL_MS_MAX; !existsSync(file); await wait(LOOK_MS))
      if (Date.now() > until) throw new Error('the server does not tell what it holds');
    return JSON.parse(readFileSync(file, 'utf8')) as MemoryHeld;
  };
  return { ...server, memory };
}
