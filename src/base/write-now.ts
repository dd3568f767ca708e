import { writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { descriptorOf } from './socket-descriptor.ts';

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
