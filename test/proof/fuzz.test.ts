/**
 * Hostile requests, at least 100,000 of them in full: to the API, to function URLs and to the local APIs of an environment,
 * spoiled in form and in content. Nothing ends, nothing hangs, nothing is a fault of ours, nothing is kept.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { type LambdaClient, PublishLayerVersionCommand, PublishVersionCommand } from '@aws-sdk/client-lambda';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { zipOf } from '../support/zip.ts';
import { createUrl } from '../urls/url-server.ts';
import { apiRequest, urlRequest } from './api-requests.ts';
import { byExtent, proofSeed } from './extent.ts';
import { tellFigure } from './figures.ts';
import { type FuzzTally, type FuzzTarget, fuzz, told } from './fuzz-run.ts';
import { FORGED, spoil } from './hostile-http.ts';
import { startWatchedServer, type WatchedServer } from './watched-server.ts';

const API_REQUESTS = byExtent({ reduced: 1_500, full: 60_000, longest: 600_000 });
const URL_REQUESTS = byExtent({ reduced: 600, full: 25_000, longest: 200_000 });
const LOCAL_REQUESTS = byExtent({ reduced: 1_000, full: 25_000, longest: 200_000 });
const MINUTES_MAX = byExtent({ reduced: 3, full: 20, longest: 120 });
/** The first share fills caches and pools; what is held then is what may be held at the end. */
const WARM_UP_SHARE = 0.25;
const MEMORY_RATIO_MAX = 1.2;

/** Faults of the function or of what is asked for, not of the server: the only answers of 500 and more that are meant. */
const MEANT = /\r\nx-amzn-errortype: (InvalidRuntimeException|InvalidZipFileException|NotImplementedException)\r\n/i;
const URL_OF_FAULTY_FUNCTION = /^HTTP\/1\.1 502 Bad Gateway\r\n[\s\S]*\r\n\r\nInternal Server Error/;

function faultOf(text: string): string | undefined {
  if (!/HTTP\/1\.1 5\d\d/.test(text)) return undefined;
  const answers = text.split(/(?=HTTP\/1\.1 \d{3} )/).filter((answer) => /^HTTP\/1\.1 5/.test(answer));
  return answers.find((answer) => !MEANT.test(answer) && !URL_OF_FAULTY_FUNCTION.test(answer))?.slice(0, 600);
}

/** `200 × 5, 400 × 7`, over all parts of a run. */
function statusesTold(tallies: readonly FuzzTally[]): string {
  const sums = new Map<number, number>();
  for (const { statuses } of tallies)
    for (const [status, count] of statuses) sums.set(status, (sums.get(status) ?? 0) + count);
  return [...sums]
    .sort(([a], [b]) => a - b)
    .map(([status, count]) => `${status} × ${count}`)
    .join(', ');
}

const handler = `export const handler = async () => ({ statusCode: 200, body: 'fine' });`;
const inside = Object.fromEntries(
  ['draw.ts', 'hostile-http.ts', 'exchange.ts', 'local-requests.ts', 'hostile-frames.ts', 'local-fuzz.ts'].map(
    (file) => [file, readFileSync(new URL(file, import.meta.url), 'utf8')],
  ),
);

const limit = { timeout: MINUTES_MAX * 60_000 };

describe('hostile requests', { timeout: 4 * MINUTES_MAX * 60_000 }, () => {
  let server: WatchedServer;
  let client: LambdaClient;
  let url: URL;

  /** What hostile requests may have taken away is there again. */
  async function furnish(): Promise<void> {
    for (const step of [
      () => createFunction(client, 'f', { files: { 'index.mjs': handler } }),
      () => client.send(new PublishVersionCommand({ FunctionName: 'f' })),
      async () => {
        const ZipFile = await zipOf({ 'a.txt': 'a' });
        return client.send(new PublishLayerVersionCommand({ LayerName: 'l', Content: { ZipFile } }));
      },
    ])
      await step().catch((error: Error) =>
        assert.match(error.name, /^(ResourceConflict|InvalidParameter|CodeStorage)/),
      );
  }

  before(async () => {
    server = await startWatchedServer({ args: ['--url-port', '0', '--idle-seconds', '30'] });
    client = server.client();
    await furnish();
    await createFunction(client, 'url', { files: { 'index.mjs': handler } });
    url = new URL(await createUrl(client, 'url'));
    await createFunction(client, 'local', {
      files: {
        ...inside,
        'package.json': '{"type":"module"}',
        'index.mjs': "export { handler } from './local-fuzz.ts';",
      },
      Timeout: 900,
    });
  });
  after(() => server.stop());

  /** Runs a target in parts, the first of them as a warm-up, and holds what the server keeps against it. */
  async function prove(target: FuzzTarget, count: number, between: () => Promise<void>): Promise<void> {
    const warmUp = Math.ceil(count * WARM_UP_SHARE);
    const tallies: FuzzTally[] = [await fuzz(target, proofSeed, 0, warmUp)];
    await between();
    const first = await server.memory();
    const part = 1_000;
    for (let from = warmUp; from < count; from += part) {
      tallies.push(await fuzz(target, proofSeed, from, Math.min(part, count - from)));
      await between();
    }
    const last = await server.memory();
    tellFigure(`memory after ${count} requests to ${target.name}, as a ratio`, last.rss / first.rss, '≤ 1.2');
    tellFigure(`statuses of ${target.name}`, statusesTold(tallies));
    for (const tally of tallies) assert.equal(tally.harms.length, 0, told(proofSeed, tally));
    assert.ok(
      last.rss <= first.rss * MEMORY_RATIO_MAX,
      `${(last.rss / first.rss).toFixed(2)} times the memory: ${JSON.stringify([first, last])}`,
    );
    await stands();
  }

  /** The server is there, answers at once, and nobody has written lines into its log. */
  async function stands(): Promise<void> {
    assert.equal((await fetch(`${server.url}/_lambdad/health`)).status, 200);
    assert.equal((await invokeFunction(client, 'url')).error, undefined);
    assert.equal(await (await fetch(url)).text(), 'fine');
    assert.doesNotMatch(server.stderr(), new RegExp(`^\\W*${FORGED}`, 'm'));
    assert.doesNotMatch(server.stderr(), /^\s+at /m);
  }

  it('to the API', limit, async () => {
    const host = new URL(server.url).host;
    const judge = faultOf;
    const make = (draw: Parameters<FuzzTarget['make']>[0]) => spoil(draw, apiRequest(draw, host));
    await prove({ name: 'api', port: Number(new URL(server.url).port), make, judge }, API_REQUESTS, furnish);
  });

  it('to function URLs', limit, async () => {
    const make = (draw: Parameters<FuzzTarget['make']>[0]) => spoil(draw, urlRequest(draw, url.host, url.pathname));
    await prove({ name: 'url', port: Number(url.port), make, judge: faultOf }, URL_REQUESTS, async () => {});
  });

  it('from inside a function to its own environment', limit, async () => {
    const part = 1_000;
    const first = await server.memory();
    for (let from = 0; from < LOCAL_REQUESTS; from += part) {
      const event = { seed: proofSeed, from, count: Math.min(part, LOCAL_REQUESTS - from) };
      const { payload, error } = await invokeFunction(client, 'local', event);
      assert.equal(error, undefined, JSON.stringify(payload));
      assert.deepEqual((payload as { harms: unknown[] }).harms, []);
      assert.equal((payload as { sent: number }).sent, event.count);
      assert.ok((payload as { switched: number }).switched > event.count / 10, 'frames were spoken');
    }
    const last = await server.memory();
    tellFigure(`memory after ${LOCAL_REQUESTS} requests to local APIs, as a ratio`, last.rss / first.rss, '≤ 1.2');
    assert.ok(last.rss <= first.rss * MEMORY_RATIO_MAX, JSON.stringify([first, last]));
    await stands();
    const logs = new CloudWatchLogsClient({
      endpoint: server.url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    const { events = [] } = await logs.send(new FilterLogEventsCommand({ logGroupName: '/aws/lambda/local' }));
    logs.destroy();
    assert.ok(events.length > 0);
    assert.deepEqual(
      events.filter(({ message = '' }) => new RegExp(`(^|\\n)\\W*${FORGED}`).test(message)),
      [],
    );
  });

  it('from inside a function, about its own running invocation', limit, async () => {
    for (let round = 0; round < byExtent({ reduced: 3, full: 30, longest: 100 }); round++) {
      const event = { seed: proofSeed, from: round * 100, count: 100, own: true };
      // Whatever the function has made of its answer is the answer; the server gives one and goes on.
      await invokeFunction(client, 'local', event).catch((error: unknown) => assert.ok(error instanceof SyntaxError));
    }
    await stands();
  });
});
