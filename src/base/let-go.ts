/**
 * Memory of large buffers that is given back at once, instead of being left to the collector: a few of a megabyte make it
 * run, and the pages of each new one are mapped anew.
 *
 * Who lets go of bytes owns them, and says that nothing else will look at them any more but the writes that borrow them.
 * Only buffers that are whole are freed: what is a part of another one stays as it is.
 */

/** Smaller ones are not worth it. */
const LARGE_BYTES = 8_192;
/** From here on a buffer is made of memory that was let go, where there is some: pages that are there already cost nothing. */
const ROOM_BYTES_MIN = 65_536;
/** So many steps from one power of two to the next: a room is at most so much larger than what it is for. */
const ROOM_STEPS = 8;
/** What is kept for the next ones; beyond it what was kept longest is freed. */
const KEPT_BYTES_MAX = 8_388_608;

interface Loan {
  writes: number;
  isLetGo: boolean;
}

const loans = new WeakMap<ArrayBufferLike, Loan>();

/** The length of the buffer that was made of a room, which is its whole. */
const rooms = new WeakMap<ArrayBufferLike, number>();
/** Those that wait for the next, the oldest first. */
const kept: ArrayBuffer[] = [];
let keptBytes = 0;

function isLarge({ buffer, length }: Uint8Array): boolean {
  return length >= LARGE_BYTES && (buffer.byteLength === length || rooms.get(buffer) === length);
}

function free(buffer: ArrayBufferLike): void {
  if (!(buffer instanceof ArrayBuffer)) return;
  if (!rooms.has(buffer)) {
    buffer.transfer(0);
    return;
  }
  // Nobody sees by the old one what the memory is used for next.
  kept.push(buffer.transfer());
  keptBytes += (kept.at(-1) as ArrayBuffer).byteLength;
  while (keptBytes > KEPT_BYTES_MAX) keptBytes -= freeOldest();
}

function freeOldest(): number {
  const oldest = kept.shift() as ArrayBuffer;
  const { byteLength } = oldest;
  oldest.transfer(0);
  return byteLength;
}

/** A buffer of that length, whole in the sense of letGo; what it holds is of no meaning. */
export function roomOf(bytes: number): Buffer<ArrayBuffer> {
  if (bytes < ROOM_BYTES_MIN) return Buffer.allocUnsafeSlow(bytes);
  const step = 2 ** Math.floor(Math.log2(bytes)) / ROOM_STEPS;
  const roomBytes = Math.ceil(bytes / step) * step;
  const at = kept.findLastIndex(({ byteLength }) => byteLength === roomBytes);
  const room = at < 0 ? Buffer.allocUnsafeSlow(roomBytes).buffer : (kept.splice(at, 1)[0] as ArrayBuffer);
  if (at >= 0) keptBytes -= roomBytes;
  rooms.set(room, bytes);
  return Buffer.from(room, 0, bytes);
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
