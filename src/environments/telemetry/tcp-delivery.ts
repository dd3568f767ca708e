import type { Socket } from 'node:net';
import { connect } from './connect.ts';
import type { Delivery, Dial } from './delivery.ts';
import type { TcpTarget } from './subscription.ts';

/** A subscriber has nothing to say here: one that says this much loses its connection. */
const UNASKED_BYTES_MAX = 65_536;

/**
 * Sends events as lines of JSON over one connection, and over a new one when that is gone. Taken means that the system has them: nobody acknowledges here, and
 * a subscriber that ends may lose lines, or see some again over its next connection.
 */
export class TcpDelivery implements Delivery {
  readonly #target: TcpTarget;
  readonly #dial: Dial;
  #socket: Socket | undefined;

  constructor(target: TcpTarget, dial: Dial) {
    this.#target = target;
    this.#dial = dial;
  }

  async send(events: readonly string[], signal: AbortSignal): Promise<void> {
    const lines = `${events.join('\n')}\n`;
    if (this.#socket && (await wasWritten(this.#socket, lines, signal))) return;
    const socket = this.#open(await connect(this.#dial, this.#target.port, signal));
    if (!(await wasWritten(socket, lines, signal))) throw new Error('the connection was closed');
  }

  close(): void {
    this.#socket?.destroy();
  }

  #open(socket: Socket): Socket {
    this.#socket = socket;
    const over = () => {
      socket.destroy();
      if (this.#socket === socket) this.#socket = undefined;
    };
    let unaskedBytes = 0;
    socket.on('data', (chunk: Buffer) => {
      unaskedBytes += chunk.length;
      if (unaskedBytes > UNASKED_BYTES_MAX) over();
    });
    socket.once('end', over).once('close', over);
    return socket;
  }
}

/** False when the connection is gone; rejects when the signal says to give up. */
function wasWritten(socket: Socket, lines: string, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const aborted = () => {
    socket.destroy();
    reject(new Error('not read in time'));
  };
  const closed = () => resolve(false);
  signal.addEventListener('abort', aborted);
  socket.once('close', closed);
  if (signal.aborted) aborted();
  else socket.write(lines, (error) => resolve(!error));
  return promise.finally(() => {
    signal.removeEventListener('abort', aborted);
    socket.off('close', closed);
  });
}
