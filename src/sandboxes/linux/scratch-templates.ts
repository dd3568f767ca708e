import { execFile } from 'node:child_process';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * Images of empty ext4 file systems, one for each size of /tmp, of which the launcher gives every sandbox a copy. They
 * are sparse: one takes some hundred kilobytes of disk.
 */

const run = promisify(execFile);
const MEGABYTE = 1_048_576;
/** One file for 16 KB, which is what ext4 has where nobody says otherwise. */
export const INODES_PER_MB = 64;
/** The tables of those inodes take a 64th; groups and directories a little more. */
const OVERHEAD = 1 / 60;
/** The kernel keeps a 50th back, for writes of which it cannot know yet how many blocks they take, but no more than this. */
const KEPT_BACK = 1 / 50;
const KEPT_BACK_BYTES_MAX = 16 * MEGABYTE;
const MAKE_MS_MAX = 20_000;
/** Sizes that are kept; 512 MB is by far the most common. */
const TEMPLATES_MAX = 64;
/** Where mkfs is, also when the server's own PATH has no system programs. */
const SYSTEM_PATH = '/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin';

export class ScratchTemplates {
  readonly #directory: string;
  readonly #made = new Map<number, Promise<string>>();

  /** The directory is on the disk that is to hold what functions write into /tmp, and is this server's alone. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Path of the image for a /tmp of so many bytes. Rejects when there is no mkfs.ext4, or no room. */
  get(tmpBytes: number): Promise<string> {
    const known = this.#made.get(tmpBytes);
    if (known) return known;
    const made = this.#make(tmpBytes);
    this.#made.set(tmpBytes, made);
    made.catch(() => this.#made.delete(tmpBytes));
    if (this.#made.size > TEMPLATES_MAX) this.#forget();
    return made;
  }

  #forget(): void {
    for (const [tmpBytes, path] of this.#made) {
      this.#made.delete(tmpBytes);
      path.then((found) => rm(found, { force: true })).catch(() => undefined);
      return;
    }
  }

  async #make(tmpBytes: number): Promise<string> {
    const path = join(this.#directory, `${tmpBytes}.ext4`);
    const partial = `${path}.partial`;
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    await rm(partial, { force: true });
    const file = await open(partial, 'wx', 0o600);
    const keptBackBytes = Math.min(tmpBytes * KEPT_BACK, KEPT_BACK_BYTES_MAX);
    await file.truncate(Math.ceil(tmpBytes * (1 + OVERHEAD) + keptBackBytes));
    await file.close();
    const inodes = Math.ceil(tmpBytes / MEGABYTE) * INODES_PER_MB;
    // Without a journal, which is for what shall survive, and without room kept for root.
    const features = ['-O', '^has_journal,^resize_inode', '-m', '0', '-N', String(inodes)];
    const lazily = ['-E', 'lazy_itable_init=1,nodiscard'];
    await run('mkfs.ext4', ['-q', '-F', '-b', '4096', '-I', '256', ...features, ...lazily, partial], {
      timeout: MAKE_MS_MAX,
      env: { PATH: `${process.env['PATH'] ?? ''}:${SYSTEM_PATH}` },
    });
    await rename(partial, path);
    return path;
  }
}
