/**
 * A load generator of few system calls: raw sockets, each with one request on its way at a time, in a process of its
 * own so that it does not share the event loop with what it measures. Run by bench/warm.ts; prints one JSON line.
 *
 *     node bench/load.ts HOST PORT CONNECTIONS SECONDS STATUS < request
 */
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';

const [host = '', port = '', connections = '1', seconds = '1', status = '200'] = process.argv.slice(2);
const request = Buffer.from(await text(process.stdin), 'latin1');
const WARM_UP_SHARE = 0.2;

const started = performance.now();
const measureFrom = started + Number(seconds) * 1000 * WARM_UP_SHARE;
const end = started + Number(seconds) * 1000;
const latenciesMs: number[] = [];
let failures = 0;

/** Length of the answer that begins with `data`, or 0 while its head is not whole. */
function answerLength(data: Buffer): number {
  const head = data.indexOf('\r\n\r\n');
  if (head < 0) return 0;
  const length = /\r\ncontent-length: (\d+)/i.exec(data.toString('latin1', 0, head));
  return head + 4 + Number(length?.[1] ?? 0);
}

function run(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let sentAt = 0;
    let rest = Buffer.alloc(0);
    /** Of an answer whose head has been read. */
    let missingBytes = 0;
    const send = () => {
      sentAt = performance.now();
      socket.write(request);
    };
    socket.on('data', (chunk) => {
      if (missingBytes > 0) missingBytes -= chunk.length;
      else {
        rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
        const bytes = answerLength(rest);
        if (bytes === 0) return;
        missingBytes = bytes - rest.length;
        if (rest.toString('latin1', 9, 12) !== status) failures++;
        rest = Buffer.alloc(0);
      }
      if (missingBytes > 0) return;
      const now = performance.now();
      if (now >= measureFrom) latenciesMs.push(now - sentAt);
      if (now < end) send();
      else {
        socket.destroy();
        resolve();
      }
    });
    socket.on('error', reject);
    send();
  });
}

const sockets = await Promise.all(
  Array.from(
    { length: Number(connections) },
    () =>
      new Promise<Socket>((resolve, reject) => {
        const socket = connect({ host, port: Number(port), noDelay: true }, () => resolve(socket));
        socket.on('error', reject);
      }),
  ),
);
await Promise.all(sockets.map(run));
const measuredS = (performance.now() - measureFrom) / 1000;
latenciesMs.sort((a, b) => a - b);
const at = (share: number) => latenciesMs[Math.floor(latenciesMs.length * share)] ?? Number.NaN;
console.log(JSON.stringify({ perSecond: latenciesMs.length / measuredS, p50Ms: at(0.5), p99Ms: at(0.99), failures }));
