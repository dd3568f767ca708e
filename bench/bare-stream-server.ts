/**
 * The yardstick of streams: a node:http proxy (`proxy PORT`) in front of a node:http server (`upstream`) that writes at
 * once and ends a little later. Prints its port.
 */
import { Agent, request as ask, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const END_AFTER_MS = 3;
const [role, upstreamPort] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true });

const upstream = createServer((request, response) => {
  request.resume().on('end', () => {
    response.writeHead(200, { 'Content-Type': 'application/octet-stream' });
    response.write('first');
    setTimeout(() => response.end('last'), END_AFTER_MS);
  });
});

const proxy = createServer((request, response) => {
  const { method, url, headers } = request;
  const options = { host: '127.0.0.1', port: Number(upstreamPort), method, path: url, headers, agent };
  const asking = ask(options, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    answer.pipe(response);
  });
  request.pipe(asking);
});

const server = role === 'proxy' ? proxy : upstream;
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
