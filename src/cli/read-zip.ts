import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { type Entry, fromBufferPromise } from 'yauzl';
import { type CodeFiles, type CodePackage, SOURCE_BYTES_MAX, UNZIPPED_BYTES_MAX } from './code-files.ts';
import { CommandFailure } from './failure.ts';

const ENTRIES_MAX = 200_000;

/** Reads a zip that is deployed as it is. Throws CommandFailure when it is none, or too large. */
export async function readZip(file: string): Promise<CodePackage> {
  const bytes = await readFile(file);
  const entries = await entriesOf(file, bytes);
  const total = [...entries.values()].reduce((sum, entry) => sum + entry.uncompressedSize, 0);
  if (total > UNZIPPED_BYTES_MAX)
    throw new CommandFailure(`Unzipped size must be smaller than ${UNZIPPED_BYTES_MAX} bytes`);
  return { zip: bytes, files: codeFiles(file, bytes, entries), notes: [] };
}

async function entriesOf(file: string, bytes: Buffer): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  try {
    const zip = await fromBufferPromise(bytes, { lazyEntries: true });
    for await (const entry of zip.eachEntry()) {
      if (entries.size >= ENTRIES_MAX) throw new Error(`more than ${ENTRIES_MAX} entries`);
      if (!entry.fileName.endsWith('/')) entries.set(entry.fileName, entry);
    }
  } catch (error) {
    throw new CommandFailure(`${file} is no zip that can be read: ${(error as Error).message}`);
  }
  return entries;
}

function codeFiles(origin: string, bytes: Buffer, entries: ReadonlyMap<string, Entry>): CodeFiles {
  return {
    origin,
    paths: [...entries.keys()].sort(),
    isExecutable: (path) => (((entries.get(path)?.externalFileAttributes ?? 0) >>> 16) & 0o111) !== 0,
    async read(path) {
      const wanted = entries.get(path);
      if (!wanted || wanted.uncompressedSize > SOURCE_BYTES_MAX) return undefined;
      const zip = await fromBufferPromise(bytes, { lazyEntries: true, autoClose: false });
      return text(await zip.openReadStreamPromise(wanted));
    },
  };
}
