/** The files of a function before it is deployed, whether they lie in a folder or in a zip. */
export interface CodeFiles {
  /** The folder or zip, as a person names it. */
  readonly origin: string;
  /** Paths with slashes, relative to the root, sorted. */
  readonly paths: readonly string[];
  isExecutable(path: string): boolean;
  /** The text of a file; undefined when there is none or it is too large to be looked into. */
  read(path: string): Promise<string | undefined>;
}

/** A source file beyond this is not read to guess from. */
export const SOURCE_BYTES_MAX = 16 * 1_048_576;

/** AWS's limits of a package that is uploaded in a request. */
export const ZIPPED_BYTES_MAX = 52_428_800;
export const UNZIPPED_BYTES_MAX = 262_144_000;

/** A function's code, ready to be sent. */
export interface CodePackage {
  readonly zip: Buffer;
  readonly files: CodeFiles;
  /** What a person should know about the package. */
  readonly notes: readonly string[];
}

/** Bytes for people: `34.2 MB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  if (bytes < 999_950) return `${(bytes / 1000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
