/** The first byte of a streamed response, warm, against a bare http proxy in front of a server that does the same. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { TestServer } from '../test/support/server.ts';
import { createUrl } from '../test/urls/url-server.ts';
import { apiRequest, deploy, onServer, startBareServer } from './bench-server.ts';
import { median, type Row, row } from './statistics.ts';

const BLOCKS = 5;
const REQUESTS_PER_BLOCK = 100;
const WARM_UP_REQUESTS = 500;
const NAME = 'stream';
/** Ends a little after its first bytes, so that nothing comes in one piece with the end. */
const HANDLER = `export const handler = awslambda.streamifyResponse(async (event, stream) => {
  stream.write('first');
  await new Promise((done) => setTimeout(done, 3));
  stream.end('last');
});
`;

/** Milliseconds from each request to the first bytes of its body, one after the other on one connection. */
async function firstBytes(port: number, request: string, count: number): Promise<number[]> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true).setEncoding('latin1');
  await once(socket, 'connect');
  const times: number[] = [];
  for (let at = 0; at < count; at++) {
    const sentMs = performance.now();
    socket.write(request);
    let answer = '';
    let seen = false;
    while (!answer.endsWith('0\r\n\r\n')) {
      const [piece] = (await once(socket, 'data')) as [string];
      answer += piece;
      if (!seen && answer.includes('first')) {
        seen = true;
        times.push(performance.now() - sentMs);
      }
    }
    if (!seen) throw new Error(answer.slice(0, 1000));
  }
  socket.destroy();
  return times;
}

export function benchStream(): Promise<Row[]> {
  return onServer(measure);
}

async function measure(server: TestServer): Promise<Row[]> {
  const client = server.client({ credentials: { accessKeyId: '000000000000', secretAccessKey: 'x' } });
  await deploy(client, {
    name: NAME,
    runtime: 'nodejs24.x',
    handler: 'index.handler',
    files: { 'index.mjs': HANDLER },
  });
  const { port: urlPort, pathname } = new URL(await createUrl(client, NAME, { InvokeMode: 'RESPONSE_STREAM' }));
  const apiPort = Number(new URL(server.url).port);
  const upstream = await startBareServer('bare-stream-server.ts', ['upstream']);
  const proxy = await startBareServer('bare-stream-server.ts', ['proxy', String(upstream.port)]);
  const path = `/2021-11-15/functions/${NAME}/response-streaming-invocations`;
  const asking = {
    api: [apiPort, apiRequest(`127.0.0.1:${apiPort}`, 'POST', path, '{}')],
    url: [Number(urlPort), apiRequest(`127.0.0.1:${urlPort}`, 'POST', pathname, '{}')],
    bare: [proxy.port, apiRequest(`127.0.0.1:${proxy.port}`, 'POST', '/', '{}')],
  } as const;
  try {
    for (const [port, request] of Object.values(asking)) await firstBytes(port, request, WARM_UP_REQUESTS);
    const blocks: { api: number; url: number; bare: number }[] = [];
    for (let block = 0; block < BLOCKS; block++) {
      const [api, url, bare] = [
        median(await firstBytes(...asking.api, REQUESTS_PER_BLOCK)),
        median(await firstBytes(...asking.url, REQUESTS_PER_BLOCK)),
        median(await firstBytes(...asking.bare, REQUESTS_PER_BLOCK)),
      ];
      blocks.push({ api, url, bare });
    }
    const against = (which: 'api' | 'url') => blocks.map(({ bare, [which]: ours }) => ({ ours, bare }));
    return [
      row('first byte of InvokeWithResponseStream', 'ms', '≤ 2', against('api')),
      row('first byte of a function URL', 'ms', '≤ 2', against('url')),
    ];
  } finally {
    proxy.stop();
    upstream.stop();
  }
}
