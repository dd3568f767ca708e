/** Code packages in the blob store, and their unpacked directories on this machine. */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';
import { KeyedMutex } from '../base/mutex.ts';
import { orRefusal } from '../neighbours/refusals.ts';
import type { Vault } from '../neighbours/vault.ts';
import type { BlobStore } from '../store/blobs.ts';
import { StoreFull } from '../store/metadata.ts';
import { signCodeLink, verifyCodeLink } from './code-link.ts';
import { blobOf, type CodePackages, type CodeRef } from './code-packages.ts';
import { isLayeredName, layeredName, layOver } from './layered-folder.ts';
import { type SealingOptions, sealZip, unsealZip, unwrapCodeKey } from './sealed-code.ts';
import { unpackZip } from './unpack.ts';
import { readZip } from './zip.ts';

export interface PackagesOptions {
  readonly blobs: BlobStore;
  /** Digests of every package that a record refers to, and names of layered folders; repeats do no harm. */
  readonly references: () => AsyncIterable<string>;
  /** Unpacked packages, one directory each; this server's alone. */
  readonly directory: string;
  readonly clock: Clock;
  /** Wraps the keys of packages that have one of their own. */
  readonly vault: Vault;
  /** Signs code links; kept across restarts if links shall outlive one. */
  readonly secret: Uint8Array;
  readonly codeSizeUnzippedBytes: number;
}

/** From storing a package to committing the function that refers to it; far longer than any request takes. */
const UNCOMMITTED_MS_MAX = 15 * 60_000;

/**
 * How long a layered folder stays that no record refers to: an environment that is ending may still read it, for as long
 * as an invoke can take.
 */
const UNUSED_MS_MAX = 15 * 60_000;

const DRAFT_PREFIX = '.unpacking-';
const DRAFT_NAME = /^\.unpacking-((?:layers-)?[0-9a-f]{64})-/;
const DIGEST_NAME = /^[0-9a-f]{64}$/;
const HASH_CHUNK_BYTES = 4_194_304;

export function createPackages(options: PackagesOptions): CodePackages {
  return new Packages(options);
}

class Packages implements CodePackages {
  readonly #options: PackagesOptions;
  /** By digest: when the package was last stored or let go here, however long the blob has been there. */
  readonly #storedAt = new Map<string, number>();
  /** By name of the directory. */
  readonly #filling = new Map<string, Promise<string>>();
  /** By name of the layered folder: when no record referred to it any more. */
  readonly #unusedSince = new Map<string, number>();
  /** Storing a package or a folder and deleting it exclude each other. */
  readonly #locks = new KeyedMutex();

  constructor(options: PackagesOptions) {
    this.#options = options;
  }

  async inspect(zip: Uint8Array): Promise<CodeRef> {
    let unzippedBytes = 0;
    await readZip(zip, this.#options.codeSizeUnzippedBytes, async (entry) => {
      if (entry.kind === 'file') for await (const chunk of entry.content) unzippedBytes += chunk.byteLength;
    });
    return { sha256: await digestOf(zip), sizeBytes: zip.byteLength, unzippedBytes };
  }

  async store(zip: Uint8Array, seal?: SealingOptions): Promise<CodeRef> {
    const inspected = await this.inspect(zip);
    const sealed = seal === undefined ? undefined : await sealZip(this.#options.vault, zip, seal);
    const code: CodeRef =
      sealed === undefined
        ? inspected
        : { ...inspected, sealed: { blob: await digestOf(sealed.bytes), key: sealed.key } };
    const put = () =>
      this.#locks.run(blobOf(code), async () => {
        this.hold(code);
        await this.#options.blobs.put(sealed?.bytes ?? zip);
        return code;
      });
    try {
      return await put();
    } catch (error) {
      // Packages that nobody refers to any more make room before their time.
      if (!(error instanceof StoreFull) || (await this.collect()) === 0) throw error;
      return await put();
    }
  }

  unpack(sha256: string): Promise<string> {
    return this.#unpack(sha256);
  }

  async unpackCode(code: CodeRef): Promise<string> {
    const key = code.sealed && (await unwrapCodeKey(this.#options.vault, code.sealed.key));
    return this.#unpack(blobOf(code), key);
  }

  #unpack(blob: string, key?: Uint8Array): Promise<string> {
    return this.#ready(blob, async (draft) => {
      const zip = await this.#zipOf(blob, key);
      if (!zip) throw new Error(`code package ${blob} is missing or damaged`);
      await unpackZip(zip, this.#options.codeSizeUnzippedBytes, draft);
    });
  }

  async #zipOf(blob: string, key?: Uint8Array): Promise<Uint8Array | undefined> {
    const bytes = await this.#options.blobs.get(blob);
    return bytes && key ? unsealZip(key, bytes) : bytes;
  }

  async read(code: CodeRef): Promise<Uint8Array> {
    const key = code.sealed && (await unwrapCodeKey(this.#options.vault, code.sealed.key));
    const zip = await this.#zipOf(blobOf(code), key);
    if (!zip) throw new Error(`code package ${code.sha256} is missing or damaged`);
    return zip;
  }

  async checkKey({ sealed }: CodeRef): Promise<void> {
    if (sealed) await unwrapCodeKey(this.#options.vault, sealed.key);
  }

  async unpackLayers(digests: readonly string[]): Promise<string> {
    const [first = '', ...others] = digests;
    if (others.length === 0) return this.unpack(first);
    const name = layeredName(digests);
    return this.#locks.run(name, () => {
      this.#unusedSince.delete(name);
      return this.#ready(name, async (draft) => {
        const layers: string[] = [];
        for (const sha256 of digests) layers.push(await this.unpack(sha256));
        await layOver(layers, draft);
      });
    });
  }

  #ready(name: string, fill: (draft: string) => Promise<void>): Promise<string> {
    const running = this.#filling.get(name);
    if (running) return running;
    const filling = this.#fill(name, fill).finally(() => this.#filling.delete(name));
    this.#filling.set(name, filling);
    return filling;
  }

  async #fill(name: string, fill: (draft: string) => Promise<void>): Promise<string> {
    const { directory } = this.#options;
    const home = join(directory, name);
    if (exists(home)) return home;
    const draft = await this.#draft(name);
    try {
      await fill(draft);
      // The name appears with the whole content behind it, or not at all.
      await rename(draft, home);
      return home;
    } catch (error) {
      await rm(draft, { recursive: true, force: true });
      throw error;
    }
  }

  async #draft(name: string): Promise<string> {
    const { directory } = this.#options;
    await mkdir(directory, { recursive: true });
    return mkdtemp(join(directory, `${DRAFT_PREFIX}${name}-`));
  }

  hold(code: CodeRef): void {
    this.#storedAt.set(blobOf(code), this.#options.clock.now());
  }

  link(origin: string, code: CodeRef): string {
    return signCodeLink(origin, { blob: blobOf(code), key: code.sealed?.key }, this.#signer());
  }

  async openLink(path: string, query: URLSearchParams): Promise<Uint8Array | undefined> {
    const linked = verifyCodeLink(path, query, this.#signer());
    if (linked === undefined) return undefined;
    const key = linked.key && (await orRefusal(unwrapCodeKey(this.#options.vault, linked.key)));
    return this.#zipOf(linked.blob, key);
  }

  #signer() {
    return { secret: this.#options.secret, nowMs: this.#options.clock.now() };
  }

  async collect(): Promise<number> {
    const { blobs, clock } = this.#options;
    // Candidates first, references after: what is committed in between is seen as referred to.
    const candidates = new Map<string, number>();
    for await (const { sha256, storedAt } of blobs.list()) candidates.set(sha256, storedAt);
    const referred = new Set<string>();
    for await (const sha256 of this.#options.references()) referred.add(sha256);
    let deleted = 0;
    for (const [sha256, storedAt] of candidates) {
      if (referred.has(sha256)) continue;
      await this.#locks.run(sha256, async () => {
        const youngest = Math.max(storedAt, this.#storedAt.get(sha256) ?? 0);
        if (clock.now() - youngest < UNCOMMITTED_MS_MAX) return;
        await blobs.delete(sha256);
        deleted += 1;
      });
    }
    await this.#collectDirectories(referred);
    for (const [sha256, atMs] of this.#storedAt)
      if (clock.now() - atMs >= UNCOMMITTED_MS_MAX) this.#storedAt.delete(sha256);
    return deleted;
  }

  /** Directories whose package is gone or that nobody uses, and drafts that a killed server left. */
  async #collectDirectories(referred: ReadonlySet<string>): Promise<void> {
    const { directory, blobs } = this.#options;
    for (const name of await namesIn(directory)) {
      const drafted = DRAFT_NAME.exec(name)?.[1];
      if (drafted !== undefined && !this.#filling.has(drafted))
        await rm(join(directory, name), { recursive: true, force: true });
      if (isLayeredName(name)) await this.#collectLayered(name, referred.has(name));
      if (!DIGEST_NAME.test(name) || this.#filling.has(name) || (await blobs.has(name))) continue;
      await this.#remove(name);
    }
  }

  async #collectLayered(name: string, isUsed: boolean): Promise<void> {
    const now = this.#options.clock.now();
    if (isUsed) this.#unusedSince.delete(name);
    else if (!this.#unusedSince.has(name)) this.#unusedSince.set(name, now);
    await this.#locks.run(name, async () => {
      // Whoever asked for it in the meantime has taken it off the list.
      const sinceMs = this.#unusedSince.get(name);
      if (sinceMs === undefined || now - sinceMs < UNUSED_MS_MAX) return;
      this.#unusedSince.delete(name);
      await this.#remove(name);
    });
  }

  /** A directory goes with its name first: one that is half deleted is never taken for whole. */
  async #remove(name: string): Promise<void> {
    const draft = await this.#draft(name);
    await rename(join(this.#options.directory, name), join(draft, name));
    await rm(draft, { recursive: true, force: true });
  }
}

/** SHA-256 in hexadecimal; lets others run in between, since 50 MB take a tenth of a second. */
async function digestOf(bytes: Uint8Array): Promise<string> {
  const hash = createHash('sha256');
  for (let start = 0; start < bytes.byteLength; start += HASH_CHUNK_BYTES) {
    hash.update(bytes.subarray(start, start + HASH_CHUNK_BYTES));
    if (start + HASH_CHUNK_BYTES < bytes.byteLength) await nextTurn();
  }
  return hash.digest('hex');
}

/** Not by a promise: the thread that would look takes longer to wake than the look itself, and every cold start waits. */
function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
