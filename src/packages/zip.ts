/**
 * Reading a deployment package that a stranger sent: every entry is judged, every size counted on bytes really
 * inflated, every checksum compared (lambda-facts 6.3.14).
 */

import { promisify } from 'node:util';
import { crc32, inflateRaw, inflateRawSync } from 'node:zlib';
import { type Entry, fromBufferPromise, type ZipFile } from 'yauzl';
import { type ApiError, invalidParameter } from '../model/api-error.ts';
import { plainPath, Tree } from './zip-layout.ts';

export type ZipEntry =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | { readonly kind: 'file'; readonly path: string; readonly executable: boolean; readonly content: ZipContent };

/** Chunks of a file; reading it to the end is what checks it. */
export type ZipContent = AsyncIterable<Uint8Array>;

/** Empty files cost no bytes, only inodes: this bounds them. AWS documents no such limit. */
const ENTRIES_MAX = 100_000;

/** A link's target is one path. */
const TARGET_BYTES_MAX = 4_096;

/** Files up to these sizes are inflated at once or in one piece, much faster for the many small ones; others as streams. */
const AT_ONCE_BYTES_MAX = 65_536;
const ONE_PIECE_BYTES_MAX = 1_048_576;
/** zlib takes no smaller one. */
const CHUNK_BYTES_MIN = 64;

const UNIX = 3;
const DARWIN = 19;
const MODE_KIND = 0o170000;
const MODE_DIRECTORY = 0o040000;
const MODE_REGULAR = 0o100000;
const MODE_LINK = 0o120000;
const MODE_EXECUTABLE = 0o111;

interface InflateOptions {
  readonly maxOutputLength: number;
  readonly chunkSize: number;
}

const inflate = promisify(inflateRaw) as (data: Uint8Array, options: InflateOptions) => Promise<Buffer>;

/** The one answer to everything that is wrong with a zip. */
export function badZip(): ApiError {
  return invalidParameter('Could not unzip uploaded file. Please check your file, then try to upload again.');
}

/**
 * Gives the entries to `visit` one after the other: directories and files in the order of the zip, then links, whose
 * targets are known to stay inside. `visit` must read each file's content to its end; it may leave one unread only by
 * rejecting. Throws InvalidParameterValueException; what `visit` throws goes through.
 */
export async function readZip(
  zip: Uint8Array,
  unzippedBytesMax: number,
  visit: (entry: ZipEntry) => Promise<void>,
): Promise<void> {
  if (zip.byteLength === 0) throw emptyZip();
  const bytes = Buffer.from(zip.buffer, zip.byteOffset, zip.byteLength);
  const file = await orBadZip(fromBufferPromise(bytes, { strictFileNames: true }));
  if (file.entryCount === 0) throw emptyZip();
  if (file.entryCount > ENTRIES_MAX) throw badZip();
  const tree = new Tree();
  const links: ZipEntry[] = [];
  const source: Source = { file, bytes, unzippedBytesMax, readBytes: 0 };
  for await (const raw of entriesOf(file)) {
    const entry = await judge(raw, tree, source);
    if (entry?.kind === 'link') links.push(entry);
    else if (entry) await visit(entry);
  }
  if (!(await tree.linksStayInside())) throw badZip();
  for (const link of links) await visit(link);
}

interface Source {
  readonly file: ZipFile;
  readonly bytes: Buffer;
  readonly unzippedBytesMax: number;
  /** Bytes inflated so far. */
  readBytes: number;
}

/** yauzl's errors all mean a broken zip; nothing else goes wrong while reading from memory. */
async function orBadZip<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch {
    throw badZip();
  }
}

async function* entriesOf(file: ZipFile): AsyncGenerator<Entry> {
  const entries = file.eachEntry()[Symbol.asyncIterator]();
  for (;;) {
    const next = await orBadZip(Promise.resolve(entries.next()));
    if (next.done) return;
    yield next.value;
  }
}

async function judge(raw: Entry, tree: Tree, source: Source): Promise<ZipEntry | undefined> {
  const path = plainPath(raw.fileName);
  if (path === undefined || raw.isEncrypted() || !raw.canDecodeFileData()) throw badZip();
  const mode = unixMode(raw);
  const kind = mode & MODE_KIND;
  const isDirectory = raw.fileName.endsWith('/') || kind === MODE_DIRECTORY;
  if (isDirectory && kind !== MODE_DIRECTORY && kind !== 0) throw badZip();
  if (path === '') {
    // "./" stands for the root, which is there; a file of that name cannot be.
    if (isDirectory) return undefined;
    throw badZip();
  }
  if (isDirectory) {
    if (!tree.add(path, 'directory')) throw badZip();
    return { kind: 'directory', path };
  }
  // Devices, fifos and sockets have no place in a package.
  if (kind !== 0 && kind !== MODE_REGULAR && kind !== MODE_LINK) throw badZip();
  if (!tree.add(path, kind === MODE_LINK ? 'link' : 'file')) throw badZip();
  if (source.readBytes + raw.uncompressedSize > source.unzippedBytesMax) throw tooLarge(source.unzippedBytesMax);
  const content = contentOf(raw, source);
  if (kind !== MODE_LINK) return { kind: 'file', path, executable: (mode & MODE_EXECUTABLE) !== 0, content };
  if (raw.uncompressedSize > TARGET_BYTES_MAX) throw badZip();
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  const target = Buffer.concat(chunks).toString();
  tree.setTarget(path, target);
  return { kind: 'link', path, target };
}

/** Zips made elsewhere than on Unix carry no mode: their files are plain ones. */
function unixMode(raw: Entry): number {
  const system = raw.versionMadeBy >>> 8;
  return system === UNIX || system === DARWIN ? raw.externalFileAttributes >>> 16 : 0;
}

/** The bytes of an entry, refused at the end when size or checksum differ from what the zip's directory says. */
async function* contentOf(raw: Entry, source: Source): AsyncGenerator<Uint8Array> {
  let checksum = 0;
  let sizeBytes = 0;
  for await (const chunk of inflated(raw, source)) {
    sizeBytes += chunk.byteLength;
    source.readBytes += chunk.byteLength;
    if (sizeBytes > raw.uncompressedSize) throw badZip();
    checksum = crc32(chunk, checksum);
    yield chunk;
  }
  if (sizeBytes !== raw.uncompressedSize || checksum !== raw.crc32) throw badZip();
}

async function* inflated(raw: Entry, { file, bytes }: Source): AsyncGenerator<Uint8Array> {
  if (raw.uncompressedSize > ONE_PIECE_BYTES_MAX) {
    yield* streamed(raw, file);
    return;
  }
  const { fileDataStart } = await orBadZip(file.readLocalFileHeaderPromise(raw, { minimal: true }));
  const data = bytes.subarray(fileDataStart, fileDataStart + raw.compressedSize);
  if (raw.compressionMethod === 0) {
    yield data;
    return;
  }
  // One byte more than promised is room enough to catch a lie; zlib wants at least one. What it inflates goes into one
  // piece of memory: by default a megabyte would come in 64, each with its own way to another thread and back.
  const maxOutputLength = raw.uncompressedSize + 1;
  const options = { maxOutputLength, chunkSize: Math.max(maxOutputLength, CHUNK_BYTES_MIN) };
  const isSmall = Math.max(raw.uncompressedSize, raw.compressedSize) <= AT_ONCE_BYTES_MAX;
  yield await orBadZip(isSmall ? inflateAtOnce(data, options) : inflate(data, options));
}

/** The thread that a small file would be sent to costs ten times the inflating. */
async function inflateAtOnce(data: Uint8Array, options: InflateOptions): Promise<Buffer> {
  return inflateRawSync(data, options);
}

async function* streamed(raw: Entry, file: ZipFile): AsyncGenerator<Uint8Array> {
  const stream = await orBadZip(file.openReadStreamPromise(raw));
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  try {
    for (;;) {
      const next = await orBadZip(chunks.next());
      if (next.done) return;
      yield next.value;
    }
  } finally {
    stream.destroy();
  }
}

function emptyZip(): ApiError {
  return invalidParameter('Uploaded file must be a non-empty zip');
}

function tooLarge(unzippedBytesMax: number): ApiError {
  return invalidParameter(`Unzipped size must be smaller than ${unzippedBytesMax} bytes`);
}
