import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { WorkerSettings } from './messages.ts';

/**
 * Starts a file beside this one in a thread of its own: `.ts` when run from sources, `.js` in the published package.
 * Where this thread keeps what is compiled of its sources, the new one does as well: it would load the compiler of types
 * otherwise, which takes longer than all else that it does at its start.
 */
export function startDatabaseThread(name: string, file: 'worker' | 'queue-worker', workerData: WorkerSettings): Worker {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  // The folder of this version of Node, in the one that holds those of all versions.
  const kept = getCompileCacheDir();
  const env = kept === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: dirname(kept) };
  return new Worker(new URL(`./${file}.${extension}`, import.meta.url), { name, workerData, env });
}
