import { readFile } from 'node:fs/promises';
import { createServer, Server, type Socket } from 'node:net';
import { guardConnection } from '../../environments/guard-connection.ts';

/**
 * On the host's network everybody can connect to a sandbox's Runtime API who finds its address, and the kernel shows the
 * addresses to all. Where each sandbox has a user of its own, the kernel also says whose a connection is: others are
 * refused before anything is read.
 */

const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'];
/** Of one sandbox, those that are still looked up included. */
const CONNECTIONS_MAX = 256;

/** `127.1.2.3:80` as the kernel writes it: each four bytes in the order of this machine, which is little endian. */
function kernelName(address: string, port: number): string {
  const bytes = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return `${bytes.reverse().join('')}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
}

/** The user whose socket is the other end of this connection; undefined when the kernel lists none. */
export function peerUid(table: string, remote: string, local: string): number | undefined {
  for (const line of table.split('\n')) {
    const [, from = '', to = '', , , , , uid] = line.trim().split(/\s+/);
    // In the table of IPv6 the address of IPv4 is the last part of a longer one.
    if (from.endsWith(remote) && to.endsWith(local)) return Number(uid);
  }
  return undefined;
}

async function isFrom(socket: Socket, uid: number): Promise<boolean> {
  const { remoteAddress = '', remotePort = 0, localAddress = '', localPort = 0 } = socket;
  const remote = kernelName(remoteAddress, remotePort);
  const local = kernelName(localAddress, localPort);
  for (const path of TABLES) {
    const found = peerUid(await readFile(path, 'latin1').catch(() => ''), remote, local);
    if (found !== undefined) return found === uid;
  }
  return false;
}

/** Stands for a server on `handle` that only processes of the user `uid` reach. */
export class GatedServer extends Server {
  readonly #gate: Server;

  constructor(handle: unknown, uid: number) {
    super();
    this.on('connection', guardConnection);
    this.#gate = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => void this.#admit(socket, uid));
    this.#gate.on('error', () => undefined);
    this.#gate.maxConnections = CONNECTIONS_MAX;
    this.#gate.listen(handle);
  }

  async #admit(socket: Socket, uid: number): Promise<void> {
    guardConnection(socket);
    const isOurs = await isFrom(socket, uid);
    if (socket.destroyed) return;
    if (!isOurs) {
      socket.destroy();
      return;
    }
    this.emit('connection', socket);
    socket.resume();
  }

  override close(): this {
    this.#gate.close();
    return this;
  }
}
