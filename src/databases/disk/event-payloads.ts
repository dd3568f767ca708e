import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../base/durable-folder.ts';
import type { Ids } from '../../base/ids.ts';
import { removePartial, writeDurably } from './durable-file.ts';

/** Bytes of queued items that are too large for a row, one file each, written once. */
export interface EventPayloads {
  /** Synced, with its name, when it resolves with it. Rejects with StoreFull without room. */
  put(bytes: Uint8Array): Promise<string>;
  /** Undefined when there is no such file. */
  get(name: string): Promise<Uint8Array | undefined>;
  /** A file that stays, because this fails or the machine stops, goes at the next start. */
  drop(name: string): void;
  /** Removes the files that no item refers to: their item was never accepted, or had ended. */
  sweep(isUsed: (name: string) => boolean): Promise<void>;
  /** Resolves when nothing is being dropped any more. */
  idle(): Promise<void>;
}

const NAME = /^[0-9a-f-]{36}$/;
const PARTIAL = 'partial';
/** Files that are removed at the same time. */
const DROPS_MAX = 16;

/** Opens the folder of payloads, which nobody else may have open. */
export async function openEventPayloads(dir: string, ids: Ids): Promise<EventPayloads> {
  await makeFolder(dir);
  const partialDir = join(dir, PARTIAL);
  await removePartial(partialDir);
  const drops: string[] = [];
  const running = new Set<Promise<void>>();
  const dropNext = () => {
    while (running.size < DROPS_MAX && drops.length > 0) {
      const dropping = rm(join(dir, drops.pop() as string), { force: true })
        .catch(() => {})
        .finally(() => {
          running.delete(dropping);
          dropNext();
        });
      running.add(dropping);
    }
  };
  return {
    async put(bytes) {
      const name = ids.uuid();
      await writeDurably(join(dir, name), bytes, partialDir);
      return name;
    },
    async get(name) {
      try {
        return await readFile(join(dir, name));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    },
    drop(name) {
      drops.push(name);
      dropNext();
    },
    async sweep(isUsed) {
      for (const name of await readdir(dir)) if (NAME.test(name) && !isUsed(name)) await rm(join(dir, name));
    },
    async idle() {
      while (running.size > 0) await Promise.all(running);
    },
  };
}
