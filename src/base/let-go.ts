/**
 * Memory of large buffers that is given back at once, instead of being left to the collector: a few of a megabyte make it
 * run, and the pages of each new one are mapped anew.
 *
 * Who lets go of bytes owns them, and says that nothing else will look at them any more but the writes that borrow them.
 * Only buffers that are whole are freed: what is a part of another one stays as it is.
 */

/** Smaller ones are not worth it. */
const LARGE_BYTES = 8_192;

interface Loan {
  writes: number;
  isLetGo: boolean;
}

const loans = new WeakMap<ArrayBufferLike, Loan>();

function isLarge({ buffer, length }: Uint8Array): boolean {
  return length >= LARGE_BYTES && buffer.byteLength === length;
}

function free(buffer: ArrayBufferLike): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}

/** Frees the memory, at once or when every write has returned it. */
export function letGo(bytes: Uint8Array): void {
  if (!isLarge(bytes)) return;
  const loan = loans.get(bytes.buffer);
  if (loan) loan.isLetGo = true;
  else free(bytes.buffer);
}

/** As letGo, for bytes that are still to be written, once. */
export function letGoWhenWritten(bytes: Uint8Array): void {
  if (isLarge(bytes)) loans.set(bytes.buffer, { writes: 0, isLetGo: true });
}

/** For a write. Gives its callback, if it needs one: called, it says that the bytes are out of the stream's hands. */
export function borrow(bytes: Uint8Array): (() => void) | undefined {
  if (!isLarge(bytes)) return undefined;
  const { buffer } = bytes;
  const loan = loans.get(buffer) ?? { writes: 0, isLetGo: false };
  loan.writes++;
  loans.set(buffer, loan);
  return () => {
    if (--loan.writes > 0) return;
    loans.delete(buffer);
    if (loan.isLetGo) free(buffer);
  };
}
