/** A real application behind a URL: Express by way of an adapter library, asked by fetch, Python and a browser. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CreateFunctionCommand, waitUntilFunctionActiveV2 } from '@aws-sdk/client-lambda';
import { buildExample } from '../../examples/build.ts';
import { runClient } from '../support/client-process.ts';
import { skipUnless } from '../support/requirement.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { createUrl } from './url-server.ts';

/** Downloading dependencies takes its time on a machine that never did it. */
const BUILD_MS_MAX = 6 * 60_000;
const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome'];

let server: TestServer;
let url: string;

before(
  async () => {
    server = await startTestServer();
    const client = server.client();
    const FunctionName = 'express-api';
    await client.send(
      new CreateFunctionCommand({
        FunctionName,
        Runtime: 'nodejs24.x',
        Handler: 'index.handler',
        Role: 'arn:aws:iam::000000000000:role/example',
        MemorySize: 256,
        Timeout: 10,
        Code: { ZipFile: await buildExample('express-api') },
      }),
    );
    await waitUntilFunctionActiveV2({ client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 }, { FunctionName });
    url = await createUrl(client, FunctionName);
  },
  { timeout: BUILD_MS_MAX },
);
after(() => server?.stop());

describe('an Express application', () => {
  it('answers JSON', async () => {
    const response = await fetch(`${url}menu`);
    assert.equal(response.headers.get('content-type'), 'application/json; charset=utf-8');
    assert.deepEqual(await response.json(), { tea: 350, cake: 420 });
  });

  it('reads JSON, path parameters and headers', async () => {
    const bill = (body: unknown) =>
      fetch(`${url}tables/4/bill`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'X-Waiter': 'Ada' },
        body: JSON.stringify(body),
      });
    const response = await bill({ lines: [{ dish: 'tea', count: 2 }] });
    assert.deepEqual([response.status, await response.json()], [201, { table: '4', totalCents: 700, waiter: 'Ada' }]);
    assert.deepEqual((await bill({})).status, 400);
    assert.deepEqual((await bill({ lines: [{ dish: 'stone' }] })).status, 404);
  });

  it('reads forms, and answers with cookies and a redirect', async () => {
    const body = new URLSearchParams({ guest: 'Zoë' });
    const response = await fetch(`${url}visits`, { method: 'POST', body, redirect: 'manual' });
    assert.deepEqual([response.status, response.headers.get('location')], [303, 'menu']);
    assert.deepEqual(response.headers.getSetCookie(), ['guest=Zo%C3%AB; Path=/; HttpOnly', 'seen=1; Path=/']);
  });

  it('gets cookies and queries', async () => {
    const response = await fetch(`${url}whoami?a=1&b=x%20y`, { headers: { Cookie: 'guest=Ada; seen=1' } });
    const { cookie, query } = (await response.json()) as { cookie: string; query: object };
    assert.deepEqual([cookie.split(/; ?/), query], [['guest=Ada', 'seen=1'], { a: '1', b: 'x y' }]);
  });

  it('sends bytes, and its own 404', async () => {
    const logo = Buffer.from(await (await fetch(`${url}logo.gif`)).arrayBuffer());
    assert.equal(logo.toString('latin1', 0, 6), 'GIF89a');
    const missing = await fetch(`${url}nowhere`);
    assert.deepEqual([missing.status, missing.headers.get('content-type')], [404, 'text/html; charset=utf-8']);
  });

  const isPythonThere = spawnSync('python3', ['--version']).status === 0;
  it('is there for Python', { skip: skipUnless(isPythonThere, 'needs python3') }, async () => {
    const program = 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1] + "menu").read().decode())';
    const { stdout } = await runClient('python3', ['-c', program, url], server);
    assert.deepEqual(JSON.parse(stdout), { tea: 350, cake: 420 });
  });

  const browser = BROWSERS.find((name) => spawnSync(name, ['--version']).status === 0);
  it('shows its page in a browser', { skip: skipUnless(browser !== undefined, 'needs chromium') }, async () => {
    const profile = mkdtempSync(join(tmpdir(), 'lambdad-browser-'));
    const quiet = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'];
    const args = [...quiet, `--user-data-dir=${profile}`, '--virtual-time-budget=20000', '--dump-dom', url];
    try {
      const { stdout } = await runClient(browser ?? '', args, server);
      assert.match(stdout, /<li>tea 350<\/li><li>cake 420<\/li>/);
    } finally {
      rmSync(profile, { recursive: true, force: true });
    }
  });
});
