import type { Socket } from 'node:net';

/** Negative where there is none, as on a socket that is closed or is no socket of the system's. */
export function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as Socket & { readonly _handle?: { readonly fd?: number } | null };
  return socket.destroyed || socket.connecting || socket.writableEnded ? -1 : (handle?.fd ?? -1);
}
