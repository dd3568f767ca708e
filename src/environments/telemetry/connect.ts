import type { Socket } from 'node:net';

/** Dials, and never leaves a connection behind that nobody waits for any more. */
export async function connect(
  dial: (port: number) => Promise<Socket>,
  port: number,
  signal: AbortSignal,
): Promise<Socket> {
  const socket = await dial(port);
  // A subscriber may reset its connection at any time, also while nothing is sent.
  socket.on('error', () => socket.destroy());
  if (!signal.aborted) return socket;
  socket.destroy();
  throw new Error('given up while dialling');
}
