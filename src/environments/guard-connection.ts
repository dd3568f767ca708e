import type { Socket } from 'node:net';

/**
 * First listener of every sandbox's server. A function may connect and reset at any time, also while none of its runtime
 * processes is being spoken to: an error of such a socket must never reach the server as an uncaught one.
 */
export function guardConnection(socket: Socket): void {
  socket.on('error', () => socket.destroy());
}
