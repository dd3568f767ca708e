import { constants } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';

/** One file of a zip: its bytes, its permission bits (0o644 unless told), or the target of a symbolic link. */
export type ZipEntry =
  | string
  | Uint8Array
  | { readonly content: string | Uint8Array; readonly mode?: number }
  | { readonly linkTo: string };

/** Zips differ in nothing but their content: every entry carries this time. */
const ENTRY_TIME = new Date('2020-01-01T00:00:00Z');
const MODE_DEFAULT = 0o644;

/** Zips `files` (path → content) in the order given. The same files make the same bytes. */
export async function zipOf(files: Readonly<Record<string, ZipEntry>>): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [path, entry] of Object.entries(files)) {
    const { content, mode } = contentOf(entry);
    zip.addBuffer(Buffer.from(content), path, { mtime: ENTRY_TIME, mode });
  }
  zip.end();
  return await buffer(zip.outputStream);
}

function contentOf(entry: ZipEntry): { content: Uint8Array; mode: number } {
  if (typeof entry === 'string') return { content: Buffer.from(entry), mode: constants.S_IFREG | MODE_DEFAULT };
  if (entry instanceof Uint8Array) return { content: entry, mode: constants.S_IFREG | MODE_DEFAULT };
  if ('linkTo' in entry) return { content: Buffer.from(entry.linkTo), mode: constants.S_IFLNK | 0o777 };
  return { content: Buffer.from(entry.content), mode: constants.S_IFREG | (entry.mode ?? MODE_DEFAULT) };
}
