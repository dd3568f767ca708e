/**
 * Calls a server and spawns programs, and times both: a process of its own, so that neither waits for what the bench does
 * besides. Run by bench/caller.ts; takes one `Order` a message, answers each with a `Done`.
 *
 *     node bench/cold-caller.ts HOST PORT
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Done, Order, Program } from './caller.ts';

const [host = '', port = ''] = process.argv.slice(2);
const HEAD_END = '\r\n\r\n';
const connections: Socket[] = [];

function isWhole(answer: string): boolean {
  const head = answer.indexOf(HEAD_END);
  if (head < 0) return false;
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(answer)?.[1] ?? 0);
  return Buffer.byteLength(answer) >= head + HEAD_END.length + length;
}

/** Rejects for any answer but a function's result. */
function invoke(socket: Socket, request: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const take = (chunk: Buffer) => {
      answer += chunk.toString();
      if (!isWhole(answer)) return;
      leave();
      if (answer.startsWith('HTTP/1.1 200 ') && !/\r\nx-amz-function-error:/i.test(answer)) resolve();
      else reject(new Error(answer));
    };
    const close = () => {
      leave();
      reject(new Error(`the connection was closed after ${answer}`));
    };
    const leave = () => {
      socket.off('data', take);
      socket.off('close', close);
    };
    socket.on('data', take);
    socket.on('close', close);
    socket.write(request);
  });
}

async function run({ command, args, env }: Program): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } });
  child.stdout.resume();
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command} ended with ${code}`);
}

async function open(): Promise<void> {
  const socket = connect({ host, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  socket.on('close', () => connections.splice(connections.indexOf(socket), 1));
  connections.push(socket);
}

/** All of the work, taken from the front by so many at a time; how long it took together. */
async function timed<T>(work: readonly T[], callers: number, one: (each: T, caller: number) => Promise<void>) {
  const left = [...work];
  const startedMs = performance.now();
  const caller = async (number: number) => {
    for (let each = left.shift(); each !== undefined; each = left.shift()) await one(each, number);
  };
  await Promise.all(Array.from({ length: callers }, (_, number) => caller(number)));
  return performance.now() - startedMs;
}

async function obey({ requests, programs, callers }: Order): Promise<number> {
  if (programs) return await timed(programs, callers, run);
  while (connections.length < callers) await open();
  const sockets = connections.slice(0, callers);
  return await timed(requests ?? [], callers, (request, caller) => invoke(sockets[caller] as Socket, request));
}

process.on('message', (order: Order) => {
  const tell = (done: Done) => process.send?.(done);
  obey(order).then(
    (tookMs) => tell({ tookMs }),
    (error: Error) => tell({ failure: error.message }),
  );
});
process.on('disconnect', () => process.exit());
