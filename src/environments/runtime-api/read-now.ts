import { readSync } from 'node:fs';
import type { Socket } from 'node:net';
import { descriptorOf } from '../../base/socket-descriptor.ts';

/**
 * Reads what has come past the socket's stream, where nothing waits in it: the descriptor never blocks (libuv accepts that
 * way). 0 when there is nothing; an end or an error is left for the stream to meet.
 */
export function readNow(socket: Socket, target: Uint8Array): number {
  const descriptor = socket.readableLength === 0 && !socket.isPaused() ? descriptorOf(socket) : -1;
  if (descriptor < 0) return 0;
  try {
    return readSync(descriptor, target);
  } catch {
    return 0;
  }
}
