import { writeSync } from 'node:fs';
import type { Socket } from 'node:net';

/**
 * As socket.write(), without what a stream keeps of each write where nothing waits in it: the descriptor never blocks
 * (libuv accepts and connects that way), and an event nearly always fits into what the kernel has room for. The rest, and
 * what fails, is the stream's.
 */
export function writeNow(socket: Socket, bytes: Uint8Array): void {
  const written = socket.writableLength === 0 ? tryWrite(descriptorOf(socket), bytes) : 0;
  if (written === 0) socket.write(bytes);
  else if (written < bytes.length) socket.write(bytes.subarray(written));
}

/** How many bytes went out; errors are left for the stream to meet again. */
function tryWrite(descriptor: number, bytes: Uint8Array): number {
  if (descriptor < 0) return 0;
  try {
    return writeSync(descriptor, bytes);
  } catch {
    return 0;
  }
}

/** Negative where there is none, as on a socket that is closed or is no socket of the system's. */
function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly fd?: number } | null };
  return socket.destroyed || socket.connecting || socket.writableEnded ? -1 : (handle?.fd ?? -1);
}
