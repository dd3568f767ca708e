/**
 * The yardstick of asynchronous invokes: node:http that hands each body to a thread, which commits all that wait in one
 * synced transaction, and answers 202 when its own is committed. Prints its port.
 *
 *     node bench/bare-queue-server.ts FOLDER
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isMainThread, parentPort, receiveMessageOnPort, Worker, workerData } from 'node:worker_threads';

const GROUP_MAX = 256;

type Item = readonly [number: number, payload: Uint8Array];

function serve(): void {
  const waiting = new Map<number, ServerResponse>();
  let last = 0;
  let unsent: Item[] = [];
  const worker = new Worker(new URL(import.meta.url), { workerData: process.argv[2] });
  worker.on('message', (numbers: readonly number[]) => {
    for (const number of numbers) {
      waiting.get(number)?.writeHead(202, { 'Content-Length': 0 }).end();
      waiting.delete(number);
    }
  });
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      waiting.set(++last, response);
      if (unsent.length === 0)
        queueMicrotask(() => {
          worker.postMessage(unsent);
          unsent = [];
        });
      unsent.push([last, new Uint8Array(Buffer.concat(pieces))]);
    });
  });
  server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
}

function commit(): void {
  const port = parentPort as NonNullable<typeof parentPort>;
  const database = new DatabaseSync(join(workerData as string, 'queue.db'));
  database.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE item (id INTEGER PRIMARY KEY, payload BLOB)',
  );
  const insert = database.prepare('INSERT INTO item (payload) VALUES (?)');
  port.on('message', (first: readonly Item[]) => {
    const items = [...first];
    for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port))
      items.push(...(next.message as readonly Item[]));
    for (let start = 0; start < items.length; start += GROUP_MAX) {
      const group = items.slice(start, start + GROUP_MAX);
      database.exec('BEGIN IMMEDIATE');
      for (const [, payload] of group) insert.run(payload);
      database.exec('COMMIT');
      port.postMessage(group.map(([number]) => number));
    }
  });
}

if (isMainThread) serve();
else commit();
