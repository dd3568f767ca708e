/**
 * The port of the blob store: packages of bytes, named by their SHA-256, written once, never changed.
 */
export interface BlobRef {
  /** 64 lower-case hexadecimal digits. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

export interface BlobStore {
  /** Stores the bytes and syncs them; a blob that is there already is left as it is. Throws StoreFull without room. */
  put(bytes: Uint8Array): Promise<BlobRef>;
  /** The whole blob, or undefined when there is none; bytes whose digest does not fit count as none. */
  get(sha256: string): Promise<Uint8Array | undefined>;
  has(sha256: string): Promise<boolean>;
  delete(sha256: string): Promise<void>;
  /** Digests of all blobs, with the time they were stored (epoch ms), for the collection of unreferenced ones. */
  list(): AsyncIterable<{ readonly sha256: string; readonly storedAt: number }>;
}
