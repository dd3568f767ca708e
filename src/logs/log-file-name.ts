import { createHash } from 'node:crypto';

/** Leaves room for number, time and extension within the 255 bytes that file systems allow. */
const ENCODED_BYTES_MAX = 180;
const EXTENSION = 'log';
const STREAM_EXTENSION = 'stream';
const DELETED_EXTENSION = 'deleted';

/** The mark of a name that was too long to be encoded; its text is in a file beside it (nameFile). */
const DIGEST_MARK = '~';

/**
 * A name of a group or stream as the name of a file: reversible, the same on file systems that do not tell case, and never
 * able to leave its directory. Capitals become `^x`, everything but small letters, digits, `-` and `_` becomes `%xx`.
 */
export function encodeName(name: string): string {
  if (name === '') return '%';
  const encoded = name.replace(/[^a-z0-9_-]+/gu, (part) => [...part].map(encodeCharacter).join(''));
  if (encoded.length <= ENCODED_BYTES_MAX) return encoded;
  return DIGEST_MARK + createHash('sha256').update(name).digest('hex');
}

/** The name behind an encoded one; undefined for one that is a digest. */
export function decodeName(encoded: string): string | undefined {
  if (encoded.startsWith(DIGEST_MARK)) return undefined;
  if (encoded === '%') return '';
  const percent = encoded.replace(/\^([a-z])/g, (_, letter: string) => letter.toUpperCase());
  try {
    return decodeURIComponent(percent);
  } catch {
    return encoded;
  }
}

/** The file that holds the name behind a digest. */
export function nameFile(encoded: string): string {
  return `${encoded}.name`;
}

/** A part of a stream: its number orders the parts, firstAt is the epoch time in ms of its first event. */
export interface SegmentName {
  readonly encodedStream: string;
  readonly number: number;
  readonly firstAt: number;
}

export function segmentFile({ encodedStream, number, firstAt }: SegmentName): string {
  return `${encodedStream}.${number}.${firstAt}.${EXTENSION}`;
}

/** undefined for files that are no segments. */
export function parseSegmentFile(file: string): SegmentName | undefined {
  const [encodedStream, number, firstAt, extension, ...more] = file.split('.');
  if (!encodedStream || extension !== EXTENSION || more.length > 0) return undefined;
  if (!/^\d{1,16}$/.test(number ?? '') || !/^\d{1,15}$/.test(firstAt ?? '')) return undefined;
  return { encodedStream, number: Number(number), firstAt: Number(firstAt) };
}

/** An empty file that says that a caller has made a stream, and when. */
export function streamFile(encodedStream: string, createdAt: number): string {
  return `${encodedStream}.${createdAt}.${STREAM_EXTENSION}`;
}

/** undefined for files that say nothing of the kind. */
export function parseStreamFile(
  file: string,
): { readonly encodedStream: string; readonly createdAt: number } | undefined {
  const [encodedStream, createdAt = '', extension, ...more] = file.split('.');
  if (!encodedStream || extension !== STREAM_EXTENSION || more.length > 0) return undefined;
  return /^\d{1,15}$/.test(createdAt) ? { encodedStream, createdAt: Number(createdAt) } : undefined;
}

/** Where a group's directory goes when the group is deleted; what is found there at a start is left over. */
export function deletedDirectory(directory: string, number: number): string {
  return `${directory}.${number}.${DELETED_EXTENSION}`;
}

export function isDeletedDirectory(name: string): boolean {
  return name.endsWith(`.${DELETED_EXTENSION}`);
}

function encodeCharacter(character: string): string {
  if (/^[A-Z]$/.test(character)) return `^${character.toLowerCase()}`;
  let encoded = '';
  for (const byte of Buffer.from(character)) encoded += `%${byte.toString(16).padStart(2, '0')}`;
  return encoded;
}
