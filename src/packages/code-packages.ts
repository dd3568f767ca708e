import type { CodeRef } from './records.ts';

/** Code packages: taken in, checked, kept by digest, unpacked once for all environments that run them. */
export interface CodePackages {
  /** Checks the zip (limits, paths, entries; lambda-facts 6.3, 14) without storing it. Throws ApiError. */
  inspect(zip: Uint8Array): Promise<CodeRef>;
  /** Checks and stores the zip; synced when it resolves. Throws ApiError. */
  store(zip: Uint8Array): Promise<CodeRef>;
  /** Unpacks the package if that was not done yet and returns the read-only directory. Safe to call concurrently. */
  unpack(sha256: string): Promise<string>;
  /** A link to the zip that works for ten minutes without credentials. */
  link(origin: string, code: CodeRef): string;
  /** The zip behind a link's path and query, or undefined when the link is wrong or too old. */
  openLink(path: string, query: URLSearchParams): Promise<Uint8Array | undefined>;
  /** Deletes packages and directories that no function refers to; returns how many. */
  collect(): Promise<number>;
}
