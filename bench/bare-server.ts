/**
 * The yardstick of the warm path: node:http that answers the same bytes in process; with `echo` those that it was sent.
 * Prints its port.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const isEcho = process.argv[2] === 'echo';
const hello = Buffer.from(JSON.stringify({ hello: 'world' }));
const server = createServer((request, response) => {
  const pieces: Buffer[] = [];
  request.on('data', (piece: Buffer) => {
    if (isEcho) pieces.push(piece);
  });
  request.on('end', () => {
    const answer = isEcho ? Buffer.concat(pieces) : hello;
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': answer.length });
    response.end(answer);
  });
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
