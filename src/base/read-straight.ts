import type { Socket } from 'node:net';

/** What node:net sets on the handle of each of its sockets: bytes that have been read, or nothing at an end and at an error. */
interface Handle {
  onread?: unknown;
}

/**
 * As socket.on('data', take), without what a stream does for each piece that goes through it, as long as nothing waits in
 * it and nobody else listens. Pausing, ends and errors stay the stream's. Returns what undoes it.
 */
export function readStraight(socket: Socket, take: (piece: Buffer) => void): () => void {
  socket.on('data', take);
  const { _handle: handle } = socket as Socket & { readonly _handle?: Handle | null };
  const onRead = handle?.onread;
  if (!handle || typeof onRead !== 'function') return () => socket.off('data', take);
  handle.onread = function (this: unknown, read: unknown) {
    if (!(read instanceof ArrayBuffer) || !isBare(socket)) return onRead.call(this, read);
    take(Buffer.from(read));
  };
  return () => {
    socket.off('data', take);
    handle.onread = onRead;
  };
}

/** Its stream would do nothing but tell the one listener. */
function isBare(socket: Socket): boolean {
  const { readableFlowing, readableLength, destroyed } = socket;
  return readableFlowing === true && readableLength === 0 && !destroyed && socket.listenerCount('data') === 1;
}
