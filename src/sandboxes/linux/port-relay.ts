import { connect, createServer, type Server, type Socket } from 'node:net';
import { guardConnection } from '../../environments/guard-connection.ts';

/**
 * Connects what arrives at a port inside a sandbox with a port of the host: the listener was made in the sandbox's own
 * network and handed over. Each side waits for the other when it is slower.
 */
export interface Destination {
  /** Tried in turn, until one answers. */
  readonly addresses: readonly string[];
  readonly port: number;
}

/** Connections through one port of one sandbox at a time; further ones are reset. */
const CONNECTIONS_MAX = 256;
const CONNECT_MS_MAX = 10_000;

/** Serves the handed-over listener until close(), which ends its connections too. */
export function relayPort(handle: unknown, destination: Destination): { close(): void } {
  const open = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (inside) => {
    guardConnection(inside);
    open.add(inside);
    inside.once('close', () => open.delete(inside));
    void join(inside, destination);
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.on('error', () => undefined);
  server.listen(handle);
  server.unref();
  return {
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

async function join(inside: Socket, { addresses, port }: Destination): Promise<void> {
  for (const address of addresses) {
    const outside = await reach(address, port);
    if (inside.destroyed) {
      outside?.destroy();
      return;
    }
    if (!outside) continue;
    // What ends one of the two ends the other, and a failure is passed on as one.
    outside.on('error', () => inside.resetAndDestroy());
    inside.on('error', () => outside.destroy());
    outside.once('close', () => inside.destroy());
    inside.once('close', () => outside.destroy());
    inside.pipe(outside);
    outside.pipe(inside);
    return;
  }
  // Nobody listens there: as near to a refusal as an accepted connection comes.
  inside.resetAndDestroy();
}

function reach(address: string, port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, allowHalfOpen: true, noDelay: true });
    const giveUp = () => {
      socket.destroy();
      resolve(undefined);
    };
    socket.setTimeout(CONNECT_MS_MAX, giveUp);
    socket.once('error', giveUp);
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.removeListener('error', giveUp);
      resolve(socket);
    });
  });
}
