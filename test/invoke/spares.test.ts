/** Environments that are initialized before anybody calls, as a caller sees them: `--spares on`. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { type LambdaClient, PutFunctionConcurrencyCommand } from '@aws-sdk/client-lambda';
import { figuresUntil } from '../limits/metrics-page.ts';
import { createFunction, type Invoked, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let client: LambdaClient;
let door: Server;
/** Handlers that wait until they are let go, by what they say. */
const held = new Map<string, ServerResponse>();

before(async () => {
  door = createServer((request, response) => held.set(request.url ?? '', response)).listen(0, '127.0.0.1');
  await once(door, 'listening');
  const { port } = door.address() as AddressInfo;
  server = await startTestServer({ args: ['--spares', 'on', '--allow-host', String(port)] });
  client = server.client({ maxAttempts: 1 });
  const handler = `
    import { randomUUID } from 'node:crypto';
    const id = randomUUID();
    const initializedMs = Date.now();
    export const handler = async ({ hold }) => {
      if (hold) await fetch('http://127.0.0.1:${port}/' + hold);
      return { id, initializedMs };
    };`;
  for (const name of ['many', 'reserved', 'single'])
    await createFunction(client, name, { Timeout: 60, MemorySize: 256, files: { 'index.mjs': handler } });
});

after(async () => {
  await server.stop();
  door.closeAllConnections();
  door.close();
});

/** Two invokes at once that go on until they are let go. */
function holdTwo(name: string): { readonly done: Promise<Invoked[]>; release(): Promise<void> } {
  const keys = ['first', 'second'].map((which) => `${name}-${which}`);
  const done = Promise.all(keys.map((hold) => invokeFunction(client, name, { hold })));
  return {
    done,
    release: async () => {
      await figuresUntil(server.url, name, () => keys.every((key) => held.has(`/${key}`)));
      for (const key of keys) {
        held.get(`/${key}`)?.end();
        held.delete(`/${key}`);
      }
      await done;
    },
  };
}

const environments = (idle: number, busy: number) => (found: Readonly<Record<string, number>>) =>
  found['lambdad_environments{state="idle"}'] === idle && found['lambdad_environments{state="busy"}'] === busy;

async function makeTwo(name: string): Promise<void> {
  await holdTwo(name).release();
  await figuresUntil(server.url, name, environments(2, 0));
}

test('when the last idle environment is taken one more is initialized, for whoever comes next', async () => {
  await makeTwo('reserved');
  const limit = { FunctionName: 'reserved', ReservedConcurrentExecutions: 2 };
  await client.send(new PutFunctionConcurrencyCommand(limit));
  await makeTwo('many');

  const limited = holdTwo('reserved');
  await figuresUntil(server.url, 'reserved', environments(0, 2));
  const holding = holdTwo('many');
  await figuresUntil(server.url, 'many', environments(1, 2));
  const calledMs = Date.now();
  const { payload, log } = await invokeFunction(client, 'many');
  const spare = payload as { id: string; initializedMs: number };
  assert.ok(spare.initializedMs <= calledMs, 'it was there before the call');
  assert.doesNotMatch(log, /Init Duration/);
  assert.match(log, /^REPORT /m);
  // That call took the last idle one too: beside its environment, which is free again, there is another spare.
  await figuresUntil(server.url, 'many', environments(2, 2));
  await figuresUntil(server.url, 'reserved', environments(0, 2));
  for (const two of [holding, limited]) await two.release();
  for (const other of await holding.done) assert.notEqual((other.payload as { id: string }).id, spare.id);
  assert.equal((await invokeFunction(client, 'many')).error, undefined);
});

test('a function that is called by one caller at a time is initialized once', async () => {
  const ids = new Set<string>();
  for (let times = 0; times < 10; times++)
    ids.add(((await invokeFunction(client, 'single')).payload as { id: string }).id);
  assert.equal(ids.size, 1);
  await figuresUntil(server.url, 'single', environments(1, 0));
});
