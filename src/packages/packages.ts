/** Code packages in the blob store, and their unpacked directories on this machine. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';
import { KeyedMutex } from '../base/mutex.ts';
import { ApiError } from '../model/api-error.ts';
import type { BlobStore } from '../store/blobs.ts';
import type { MetadataStore, RecordKey } from '../store/metadata.ts';
import { signCodeLink, verifyCodeLink } from './code-link.ts';
import type { CodePackages } from './code-packages.ts';
import type { CodeRef, FunctionBody, VersionBody } from './records.ts';
import { unpackZip } from './unpack.ts';
import { readZip } from './zip.ts';

export interface PackagesOptions {
  readonly blobs: BlobStore;
  readonly metadata: MetadataStore;
  /** Unpacked packages, one directory each; this server's alone. */
  readonly directory: string;
  readonly clock: Clock;
  /** Signs code links; kept across restarts if links shall outlive one. */
  readonly secret: Uint8Array;
  readonly codeSizeZippedBytes: number;
  readonly codeSizeUnzippedBytes: number;
}

/** From storing a package to committing the function that refers to it; far longer than any request takes. */
const UNCOMMITTED_MS_MAX = 15 * 60_000;

const UNPACKING_PREFIX = '.unpacking-';
const DIGEST_NAME = /^[0-9a-f]{64}$/;
const HASH_CHUNK_BYTES = 4_194_304;
const SCAN_PAGE_RECORDS = 500;

export function createPackages(options: PackagesOptions): CodePackages {
  return new Packages(options);
}

class Packages implements CodePackages {
  readonly #options: PackagesOptions;
  /** By digest: when the package was last stored here, however long the blob has been there. */
  readonly #storedAt = new Map<string, number>();
  readonly #unpacking = new Map<string, Promise<string>>();
  /** Storing a package and deleting it exclude each other. */
  readonly #blobLocks = new KeyedMutex();

  constructor(options: PackagesOptions) {
    this.#options = options;
  }

  async inspect(zip: Uint8Array): Promise<CodeRef> {
    const { codeSizeZippedBytes, codeSizeUnzippedBytes } = this.#options;
    if (zip.byteLength > codeSizeZippedBytes)
      throw new ApiError(
        'RequestEntityTooLargeException',
        `Zipped size must be smaller than ${codeSizeZippedBytes} bytes`,
      );
    await readZip(zip, codeSizeUnzippedBytes, async (entry) => {
      if (entry.kind === 'file') for await (const _ of entry.content);
    });
    return { sha256: await digestOf(zip), sizeBytes: zip.byteLength };
  }

  async store(zip: Uint8Array): Promise<CodeRef> {
    const { sha256 } = await this.inspect(zip);
    return this.#blobLocks.run(sha256, async () => {
      this.#storedAt.set(sha256, this.#options.clock.now());
      const { sizeBytes } = await this.#options.blobs.put(zip);
      return { sha256, sizeBytes };
    });
  }

  unpack(sha256: string): Promise<string> {
    const running = this.#unpacking.get(sha256);
    if (running) return running;
    const unpacking = this.#unpack(sha256).finally(() => this.#unpacking.delete(sha256));
    this.#unpacking.set(sha256, unpacking);
    return unpacking;
  }

  async #unpack(sha256: string): Promise<string> {
    const { directory, blobs, codeSizeUnzippedBytes } = this.#options;
    const home = join(directory, sha256);
    if (await exists(home)) return home;
    const zip = await blobs.get(sha256);
    if (!zip) throw new Error(`code package ${sha256} is missing or damaged`);
    await mkdir(directory, { recursive: true });
    const draft = await mkdtemp(join(directory, `${UNPACKING_PREFIX}${sha256}-`));
    try {
      await unpackZip(zip, codeSizeUnzippedBytes, draft);
      // The name appears with the whole package behind it, or not at all.
      await rename(draft, home);
      return home;
    } catch (error) {
      await rm(draft, { recursive: true, force: true });
      throw error;
    }
  }

  link(origin: string, code: CodeRef): string {
    return signCodeLink(origin, code.sha256, this.#signer());
  }

  async openLink(path: string, query: URLSearchParams): Promise<Uint8Array | undefined> {
    const sha256 = verifyCodeLink(path, query, this.#signer());
    return sha256 === undefined ? undefined : this.#options.blobs.get(sha256);
  }

  #signer() {
    return { secret: this.#options.secret, nowMs: this.#options.clock.now() };
  }

  async collect(): Promise<number> {
    const { blobs, clock } = this.#options;
    // Candidates first, references after: what is committed in between is seen as referred to.
    const candidates = new Map<string, number>();
    for await (const { sha256, storedAt } of blobs.list()) candidates.set(sha256, storedAt);
    const referred = await this.#referred();
    let deleted = 0;
    for (const [sha256, storedAt] of candidates) {
      if (referred.has(sha256)) continue;
      await this.#blobLocks.run(sha256, async () => {
        const youngest = Math.max(storedAt, this.#storedAt.get(sha256) ?? 0);
        if (clock.now() - youngest < UNCOMMITTED_MS_MAX) return;
        await blobs.delete(sha256);
        deleted += 1;
      });
    }
    await this.#collectDirectories();
    for (const [sha256, atMs] of this.#storedAt)
      if (clock.now() - atMs >= UNCOMMITTED_MS_MAX) this.#storedAt.delete(sha256);
    return deleted;
  }

  /** Directories whose package is gone, and drafts that a killed server left. */
  async #collectDirectories(): Promise<void> {
    const { directory, blobs } = this.#options;
    for (const name of await namesIn(directory)) {
      const isDraft = name.startsWith(UNPACKING_PREFIX);
      const sha256 = isDraft ? name.slice(UNPACKING_PREFIX.length, UNPACKING_PREFIX.length + 64) : name;
      if (!DIGEST_NAME.test(sha256) || this.#unpacking.has(sha256)) continue;
      if (!isDraft && (await blobs.has(sha256))) continue;
      await rm(join(directory, name), { recursive: true, force: true });
    }
  }

  async #referred(): Promise<Set<string>> {
    const digests = new Set<string>();
    const add = ({ code, serving }: VersionBody) => {
      digests.add(code.sha256);
      if (serving) digests.add(serving.code.sha256);
    };
    for await (const body of this.#bodies('function')) add((body as FunctionBody).latest);
    for await (const body of this.#bodies('version')) add(body as VersionBody);
    return digests;
  }

  async *#bodies(kind: 'function' | 'version'): AsyncGenerator<unknown> {
    for (let after: RecordKey | undefined; ; ) {
      const page = await this.#options.metadata.scan(kind, after, SCAN_PAGE_RECORDS);
      for (const { body } of page) yield body;
      after = page.at(-1);
      if (after === undefined || page.length < SCAN_PAGE_RECORDS) return;
    }
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

async function exists(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
