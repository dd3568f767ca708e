import type { SealedCode, SealingOptions } from './sealed-code.ts';

/** A code package in the blob store. */
export interface CodeRef {
  /** 64 hexadecimal digits: the zip's digest, and the blob's name unless it is sealed. AWS shows it in base64. */
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Bytes of all files unpacked; absent in records of before layers could be used. */
  readonly unzippedBytes?: number;
  /** Only what is under a KMS key of the caller's. */
  readonly sealed?: SealedCode;
}

/** Name of the blob that holds the package. */
export function blobOf({ sha256, sealed }: CodeRef): string {
  return sealed?.blob ?? sha256;
}

/** Code packages: taken in, checked, kept by digest, unpacked once for all environments that run them. */
export interface CodePackages {
  /** Checks the zip (unzipped size, paths, entries; lambda-facts 6.3, 14) without storing it. Throws ApiError. */
  inspect(zip: Uint8Array): Promise<CodeRef>;
  /**
   * Checks and stores the zip; synced when it resolves. With a `keyArn` that a KMS endpoint can be asked about, under a
   * key that KMS wrapped. Throws ApiError; KeyUnusable.
   */
  store(zip: Uint8Array, seal?: SealingOptions): Promise<CodeRef>;
  /** The zip. Rejects with KeyUnusable where a KMS key protects it, with an Error when it is missing or damaged. */
  read(code: CodeRef): Promise<Uint8Array>;
  /** Unpacks the package if that was not done yet and returns the read-only directory. Safe to call concurrently. */
  unpack(sha256: string): Promise<string>;
  /** As `unpack`, also for a sealed package: KMS has its say each time, also when it was unpacked before. KeyUnusable. */
  unpackCode(code: CodeRef): Promise<string>;
  /** Rejects with KeyUnusable when the package is under a key that KMS does not let be used. */
  checkKey(code: CodeRef): Promise<void>;
  /**
   * Lays packages over each other, the later ones over the earlier, if that was not done yet, and returns the read-only
   * directory; `digests` holds one at least. Safe to call concurrently.
   */
  unpackLayers(digests: readonly string[]): Promise<string>;
  /** Keeps a package that was just let go for as long as a request may still commit a record that refers to it. */
  hold(code: CodeRef): void;
  /** A link to the zip that works for ten minutes without credentials. */
  link(origin: string, code: CodeRef): string;
  /** The zip behind a link's path and query, or undefined when the link is wrong or too old. Throws the KMS errors. */
  openLink(path: string, query: URLSearchParams): Promise<Uint8Array | undefined>;
  /** Deletes packages and directories that no function refers to; returns how many. */
  collect(): Promise<number>;
}
