/** The body of an answer that comes piece by piece. */
export interface StreamedBody {
  /** What is there, to be written together; waits for something; undefined at the end. Rejects when it breaks off. */
  next(): Promise<readonly Uint8Array[] | undefined>;
  /** Nobody reads any more: what still comes is thrown away. */
  cancel(): void;
}
