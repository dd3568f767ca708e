/** 500 clients that do not come to an end, and healthy ones beside them; and large bodies of those who may not send any. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { STALLED_MS_MAX } from '../../src/server/answer.ts';
import { createFunction } from '../support/functions.ts';
import { skipUnless } from '../support/requirement.ts';
import { createUrl } from '../urls/url-server.ts';
import { SIGNED } from './api-requests.ts';
import { byExtent, extent } from './extent.ts';
import { percentile, tellFigure } from './figures.ts';
import { plainBytes } from './hostile-http.ts';
import { healthyClients, largeBody, type SlowWays, slowClient, slowKinds } from './slow-clients.ts';
import { startWatchedServer, type WatchedServer } from './watched-server.ts';

const CLIENTS = 500;
/** The longest limit is that of an idle connection: 75 s and the 15 s of a head; answers of a busy machine come before it. */
const DEADLINE_MS = 150_000;
/** What is not waited for in a short run is cut by the client. */
const waitsForAll = extent !== 'reduced';
const isShort = waitsForAll ? false : 'skipped: 550 MB of answers are for the longer runs';
const HEALTHY_CONNECTIONS = 4;
const HEALTHY_REQUESTS = byExtent({ reduced: 300, full: 10_000, longest: 40_000 });
const LARGE_BODIES = byExtent({ reduced: 60, full: 500, longest: 500 });
const LARGE_BYTES = 4 * 1024 * 1024;
/** 500 connections cost 64 KiB each while they are read from. */
const PEAK_BYTES_MAX = 96 * 1024 * 1024;
const ANSWER_BYTES = 5_500_000;

const onLinux = skipUnless(process.platform === 'linux', 'the memory of a process is read from /proc');

const request = (method: string, target: string, host: string, body = '', headers: readonly string[] = SIGNED) =>
  plainBytes({ method, target, headers: ['Host', host, ...headers], body: Buffer.from(body) });

function residentBytes(pid: number): number {
  const [, kilobytes = ''] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

/** Runs an action and tells by how much the server grew meanwhile. */
async function growth(pid: number, action: () => Promise<unknown>): Promise<number> {
  const before = residentBytes(pid);
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, residentBytes(pid));
  }, 10);
  await action();
  clearInterval(timer);
  return peak - before;
}

const limit = { timeout: 400_000 };

describe(`beside ${CLIENTS} slow clients`, { timeout: 4 * 400_000 }, () => {
  let server: WatchedServer;
  let client: LambdaClient;
  let url: URL;
  const listeners = new Map<string, { readonly port: number; readonly ways: SlowWays }>();

  before(async () => {
    server = await startWatchedServer({ args: ['--url-port', '0'] });
    client = server.client();
    const code = `export const handler = async (event) => ({ statusCode: 200, body:
      (event.big ?? event.rawPath?.includes('big')) ? 'x'.repeat(${ANSWER_BYTES}) : 'fine' });`;
    await createFunction(client, 'f', { files: { 'index.mjs': code }, MemorySize: 256 });
    url = new URL(await createUrl(client, 'f'));
    const api = new URL(server.url);
    const path = '/2015-03-31/functions/f/invocations';
    listeners.set('API', {
      port: Number(api.port),
      ways: {
        small: request('POST', path, api.host, '{}'),
        upload: request('POST', path, api.host, JSON.stringify({ text: 'x'.repeat(1_000) })),
        download: request('POST', path, api.host, '{"big":true}'),
      },
    });
    listeners.set('function URLs', {
      port: Number(url.port),
      ways: {
        small: request('GET', url.pathname, url.host, '', []),
        upload: request('POST', url.pathname, url.host, 'x'.repeat(1_000), []),
        download: request('GET', `${url.pathname}big`, url.host, '', []),
      },
    });
  });
  after(() => server.stop());

  for (const name of ['API', 'function URLs'])
    it(`of the ${name}, healthy ones are all answered, and the slow ones are ended`, limit, async () => {
      const { port, ways } = listeners.get(name) as { port: number; ways: SlowWays };
      const enough = (sent: number) => sent >= HEALTHY_REQUESTS;
      await healthyClients(port, ways.small, HEALTHY_CONNECTIONS, enough);
      const alone = await healthyClients(port, ways.small, HEALTHY_CONNECTIONS, enough);
      const slow = Array.from({ length: CLIENTS }, (_, at) => {
        const kind = slowKinds[at % slowKinds.length] ?? 'head';
        return { kind, ...slowClient(port, kind, ways) };
      });
      const beside = await healthyClients(port, ways.small, HEALTHY_CONNECTIONS, enough);
      assert.deepEqual([alone.failures, beside.failures], [0, 0]);
      const ratio = percentile(beside.latenciesMs, 0.99) / percentile(alone.latenciesMs, 0.99);
      tellFigure(`p99 of healthy clients of the ${name} beside ${CLIENTS} slow ones, as a ratio`, ratio, '≤ 2');
      if (waitsForAll) {
        const late = setTimeout(() => {
          for (const each of slow) each.cut();
        }, DEADLINE_MS);
        const endsMs = await Promise.all(slow.map((each) => each.ended));
        clearTimeout(late);
        const latest = Math.max(...endsMs);
        tellFigure(`seconds until the last slow client of the ${name} was ended`, latest / 1000, '≤ 150');
        assert.ok(latest < DEADLINE_MS, `a client was not ended within ${DEADLINE_MS} ms`);
      } else for (const each of slow) each.cut();
      assert.equal((await healthyClients(port, ways.small, 1, (sent) => sent >= 10)).failures, 0);
    });

  it('those who do not read their answers are cut off when many wait', { skip: isShort, ...limit }, async () => {
    const { port, ways } = listeners.get('function URLs') as { port: number; ways: SlowWays };
    const slow: ReturnType<typeof slowClient>[] = [];
    // Twice as many as may wait for long, a few at a time because each of them takes an environment.
    for (let round = 0; round < 10; round++) {
      slow.push(...Array.from({ length: 10 }, () => slowClient(port, 'reading', ways)));
      await healthyClients(port, ways.download, 2, (sent) => sent >= 10);
    }
    // They would have a minute otherwise.
    assert.ok((await Promise.race(slow.map(({ ended }) => ended))) < STALLED_MS_MAX);
    for (const { cut } of slow) cut();
    assert.equal((await healthyClients(port, ways.download, 2, (sent) => sent >= 10)).failures, 0);
  });

  it(`${LARGE_BODIES} large bodies of those who do not sign leave the memory as it is`, {
    skip: onLinux,
    ...limit,
  }, async () => {
    const { port } = listeners.get('API') as { port: number };
    const piece = Buffer.alloc(65_536, 'x');
    const path = '/2015-03-31/functions/f/code';
    const refused: string[] = [];
    const pour = async () => {
      const head = `PUT ${path} HTTP/1.1\r\nHost: x\r\n`;
      refused.push(
        ...(await Promise.all(Array.from({ length: LARGE_BODIES }, () => largeBody(port, head, LARGE_BYTES, piece)))),
      );
    };
    await server.memory();
    const grown = await growth(server.pid, pour);
    tellFigure(`megabytes more while ${LARGE_BODIES} unsigned bodies of 4 MB come`, grown / 1e6, '≤ 100');
    assert.equal(refused.filter((text) => /^HTTP\/1\.1 403 /.test(text)).length, LARGE_BODIES);
    assert.ok(grown <= PEAK_BYTES_MAX, `${grown} bytes more`);
  });
});
