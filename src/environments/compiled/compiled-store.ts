import { mkdirSync, symlinkSync, unlinkSync } from 'node:fs';
import { chmod, mkdir, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CompiledFiles } from './compiled-files.ts';

/**
 * Compiled code on the disk of the server, one folder for each function's code in each form that its process is started in.
 * A folder appears whole, by its renaming, and is not changed afterwards but for the links of who uses it. What is in its
 * name need not be looked for: the key, how many bytes, and for which compiler, or that nothing is worth keeping.
 *
 * All of it can be made anew: nothing is synced, and Node takes no file whose sums are wrong.
 */

/** Of all that is kept; what was used longest ago goes first. */
const TOTAL_BYTES_MAX = 1_073_741_824;
const FOLDERS_MAX = 2000;
/** Users that a folder has a link for. Each sandbox of a server that is root has a user of its own. */
const LINKS_MAX = 64;
/** A folder that is used is said to be, for the next server, no more often than this. */
const TOUCH_MS = 600_000;
const FOLDER_NAME = /^([0-9a-f]{64})\.(\d{1,12})\.(none|v\d+\.\d+\.\d+-[a-z0-9]+-[0-9a-f]{8})$/;
const NONE = 'none';
/** The folder that holds the files; the runtime's bootstrap looks for it. */
const FILES = 'compiled';

export interface CompiledFolder {
  /** To be mounted; undefined: it is known that nothing is worth keeping. */
  readonly path: string | undefined;
  readonly bytes: number;
  readonly tag: string;
  readonly linked: string[];
  touchedMs: number;
}

export class CompiledStore {
  readonly #directory: string;
  readonly #now: () => number;
  readonly #bytesMax: number;
  /** The one used last is the last. */
  readonly #folders = new Map<string, CompiledFolder>();
  #bytes = 0;

  private constructor(directory: string, now: () => number, bytesMax: number) {
    this.#directory = directory;
    this.#now = now;
    this.#bytesMax = bytesMax;
  }

  /** Removes what a server that was killed left half done. `now` is wall time in milliseconds. */
  static async open(directory: string, now: () => number, bytesMax = TOTAL_BYTES_MAX): Promise<CompiledStore> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const store = new CompiledStore(directory, now, bytesMax);
    const found: { name: string; usedMs: number }[] = [];
    for (const name of await readdir(directory)) {
      if (FOLDER_NAME.test(name)) found.push({ name, usedMs: (await stat(join(directory, name))).mtimeMs });
      else await rm(join(directory, name), { recursive: true, force: true });
    }
    found.sort((one, other) => one.usedMs - other.usedMs);
    for (const { name, usedMs } of found) store.#add(name, usedMs);
    await store.#shrink();
    return store;
  }

  get bytes(): number {
    return this.#bytes;
  }

  find(key: string): CompiledFolder | undefined {
    const folder = this.#folders.get(key);
    if (!folder) return undefined;
    this.#folders.delete(key);
    this.#folders.set(key, folder);
    return folder;
  }

  /**
   * Node looks for its cache in a folder that is named after the compiler and the user: makes the one of this user lead to
   * the files. Never throws: without it everything is compiled anew.
   */
  linkFor(folder: CompiledFolder, userId: number): void {
    const { path, tag, linked } = folder;
    if (path === undefined) return;
    const link = join(path, `${tag}-${userId}`);
    try {
      if (!linked.includes(link)) {
        symlinkSync(FILES, link);
        linked.push(link);
        if (linked.length > LINKS_MAX) unlinkSync(linked.shift() as string);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') linked.push(link);
    }
    const nowMs = this.#now();
    if (nowMs - folder.touchedMs < TOUCH_MS) return;
    folder.touchedMs = nowMs;
    void utimes(path, nowMs / 1000, nowMs / 1000).catch(() => undefined);
  }

  /** Keeps the files of a key, or that it has none. Rejects when the disk does not take them; nothing is left then. */
  async keep(key: string, compiled: CompiledFiles | undefined): Promise<void> {
    const bytes = compiled?.files.reduce((sum, { content }) => sum + content.length, 0) ?? 0;
    const name = `${key}.${bytes}.${compiled?.tag ?? NONE}`;
    const partial = join(this.#directory, `${key}.partial`);
    const place = join(this.#directory, name);
    try {
      await rm(partial, { recursive: true, force: true });
      mkdirSync(partial);
      const folder = join(partial, FILES);
      if (compiled) {
        await mkdir(folder);
        for (const file of compiled.files) await writeFile(join(folder, file.name), file.content, { mode: 0o444 });
        for (const path of [folder, partial]) await chmod(path, 0o755);
      }
      await rm(place, { recursive: true, force: true });
      await rename(partial, place);
    } catch (error) {
      await rm(partial, { recursive: true, force: true }).catch(() => undefined);
      throw error;
    }
    this.#add(name, this.#now());
    await this.#shrink();
  }

  #add(name: string, touchedMs: number): void {
    const [, key = '', bytes, tag = NONE] = FOLDER_NAME.exec(name) ?? [];
    const path = tag === NONE ? undefined : join(this.#directory, name);
    this.#bytes += Number(bytes) - (this.#folders.get(key)?.bytes ?? 0);
    this.#folders.delete(key);
    this.#folders.set(key, { path, bytes: Number(bytes), tag, linked: [], touchedMs });
  }

  /** Who has one of these mounted goes on without what it has not read yet. */
  async #shrink(): Promise<void> {
    for (const [key, { bytes, tag }] of this.#folders) {
      if (this.#bytes <= this.#bytesMax && this.#folders.size <= FOLDERS_MAX) return;
      this.#folders.delete(key);
      this.#bytes -= bytes;
      const place = join(this.#directory, `${key}.${bytes}.${tag}`);
      await rm(place, { recursive: true, force: true }).catch(() => undefined);
    }
  }
}
