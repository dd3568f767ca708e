/** Clients that do not come to an end, in every way known, and healthy ones beside them. */
import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

/** What a slow client sends. */
export interface SlowWays {
  /** A whole request, whose answer is small. */
  readonly small: Buffer;
  /** A whole request with a body, of which the client sends the head and a little more. */
  readonly upload: Buffer;
  /** A whole request whose answer is larger than what the kernel keeps for who does not read. */
  readonly download: Buffer;
}

const DRIP_MS = 100;

export const slowKinds = ['head', 'body', 'reading', 'idle', 'silent'] as const;
export type SlowKind = (typeof slowKinds)[number];

/** One slow client; resolves with the milliseconds after which the server had ended it. */
export function slowClient(
  port: number,
  kind: SlowKind,
  ways: SlowWays,
): { readonly ended: Promise<number>; cut(): void } {
  const began = performance.now();
  const socket = connect({ port, host: '127.0.0.1' });
  const ended = new Promise<number>((resolve) => {
    socket.on('error', () => {});
    socket.on('close', () => resolve(performance.now() - began));
  });
  socket.on('connect', () => start(socket, kind, ways));
  return { ended, cut: () => socket.destroy() };
}

function start(socket: Socket, kind: SlowKind, ways: SlowWays): void {
  if (kind === 'reading') {
    socket.pause();
    socket.write(ways.download);
    noticesReset(socket);
    return;
  }
  socket.resume();
  if (kind === 'idle') socket.write(ways.small);
  if (kind === 'head') drip(socket, ways.small.subarray(0, ways.small.indexOf('\r\n\r\n')));
  if (kind === 'body') socket.write(ways.upload.subarray(0, ways.upload.indexOf('\r\n\r\n') + 6));
}

/** A byte now and then, without end: what is dripped begins anew as a further header. */
function drip(socket: Socket, bytes: Buffer): void {
  let at = 0;
  const timer = setInterval(() => {
    if (at < bytes.length) socket.write(bytes.subarray(at, ++at));
    else socket.write('x');
  }, DRIP_MS);
  socket.on('close', () => clearInterval(timer));
}

/** Who does not read does not see the end either: a byte of its own, refused, tells. */
function noticesReset(socket: Socket): void {
  const timer = setInterval(() => socket.write('\r\n'), DRIP_MS);
  socket.on('close', () => clearInterval(timer));
}

export interface Healthy {
  readonly latenciesMs: readonly number[];
  /** Answers that did not begin with the status wanted, or did not come. */
  readonly failures: number;
}

/** Sends one request after the other on each of some connections until `isOver`; every answer must be a 200. */
export async function healthyClients(
  port: number,
  request: Buffer,
  connections: number,
  isOver: (sent: number) => boolean,
): Promise<Healthy> {
  const latenciesMs: number[] = [];
  let failures = 0;
  const lane = async () => {
    let socket: Socket | undefined;
    while (!isOver(latenciesMs.length)) {
      socket = socket === undefined || socket.destroyed ? connect({ port, host: '127.0.0.1', noDelay: true }) : socket;
      const began = performance.now();
      if (!(await isAnswered(socket, request))) failures++;
      latenciesMs.push(performance.now() - began);
    }
    socket?.destroy();
  };
  await Promise.all(Array.from({ length: connections }, lane));
  return { latenciesMs, failures };
}

function isAnswered(socket: Socket, request: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    let text = '';
    const settle = (isGood: boolean) => {
      socket.off('data', take).off('close', fail).off('error', fail);
      resolve(isGood);
    };
    const fail = () => settle(false);
    const take = (piece: Buffer) => {
      text += piece.toString('latin1');
      const head = text.indexOf('\r\n\r\n');
      if (head < 0) return;
      const length = Number(/\r\ncontent-length: (\d+)/i.exec(text.slice(0, head + 2))?.[1] ?? 0);
      if (text.length >= head + 4 + length) settle(text.startsWith('HTTP/1.1 200 '));
    };
    socket.on('data', take).on('close', fail).on('error', fail);
    socket.write(request);
  });
}

/** A client that sends a large body, whatever it is told, until it is cut off or has sent all of it. */
export function largeBody(port: number, head: string, bytes: number, piece: Buffer): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    let text = '';
    let left = bytes;
    const pour = () => {
      while (left > 0 && !socket.destroyed) {
        left -= piece.length;
        if (!socket.write(piece)) return;
      }
    };
    socket.on('connect', () => {
      socket.write(`${head}Content-Length: ${bytes}\r\n\r\n`);
      pour();
    });
    socket.on('drain', pour);
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}
