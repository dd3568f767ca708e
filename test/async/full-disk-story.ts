/**
 * The child of full-disk.test.ts, run where a small file system is mounted: `full-disk-story.ts SCENARIO DIR`. A server
 * keeps its data there. Fails by its exit code; the assertion is on stderr.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import {
  GetFunctionCommand,
  InvokeCommand,
  type LambdaClient,
  PutFunctionConcurrencyCommand,
  PutFunctionEventInvokeConfigCommand,
  ServiceException,
} from '@aws-sdk/client-lambda';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer } from '../support/server.ts';
import { serverSays } from '../surroundings/server-says.ts';
import { type Ledger, startLedger, tellingFunction } from './ledger.ts';

/** More than fit; a loop that goes on beyond them is a failure. */
const EVENTS_MAX = 5000;
/** The function's reserved concurrency: so many are in flight when the disk is full. */
const IN_FLIGHT = 2;
const WAITS = 'asynchronous invokes wait for their store: ';
const FULL_TEXT = 'lambdad has no room left on its disk. Nothing was changed.';
/** Every so many events is too large for a row of the database. */
const LARGE_EVERY = 2;
/** Of a package, that no compression makes smaller. */
const LARGE_FILE_BYTES = 2_097_152;

interface Numbered {
  readonly n: number;
}

const [, , scenario = '', dir = ''] = process.argv;
/** What is taken away later, so that there is room again: a database needs some to give any back. */
const FILLER_BYTES_MIN = 1_048_576;
const filler = join(dir, 'filler');
const dataDir = join(dir, 'data');

const start = () => startTestServer({ dataDir, args: ['--sandbox', 'process'] });

/** Takes all the room there is, to the last byte. */
function takeRoom(): void {
  const file = openSync(filler, 'a');
  for (let bytes = 1_048_576; bytes >= 1; )
    try {
      if (writeSync(file, Buffer.alloc(bytes)) < bytes) bytes = Math.floor(bytes / 2);
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
      bytes = Math.floor(bytes / 2);
    }
  closeSync(file);
}

const isFull = (error: unknown) => {
  assert.ok(error instanceof ServiceException, String(error));
  assert.equal(error.$metadata.httpStatusCode, 500);
  assert.equal(error.message, FULL_TEXT);
  return true;
};

async function accept(client: LambdaClient, n: number): Promise<void> {
  const text = 'x'.repeat(n % LARGE_EVERY === 0 ? 200_000 : 30_000);
  const input = { FunctionName: 'work', InvocationType: 'Event', Payload: JSON.stringify({ n, text }) } as const;
  const { StatusCode } = await client.send(new InvokeCommand(input));
  assert.equal(StatusCode, 202);
}

/** Sends the events from `first` on until the disk is full; returns the number of the one that was refused. */
async function acceptUntilFull(client: LambdaClient, first: number): Promise<number> {
  for (let n = first; n < EVENTS_MAX; n++)
    try {
      await accept(client, n);
    } catch (error) {
      isFull(error);
      return n;
    }
  throw new Error('the disk never filled');
}

/** The numbers of the runs, in the order of the events. */
const numbersOf = (entries: Ledger['entries']) =>
  entries.filter(({ functionName }) => functionName === 'work').map(({ event }) => (event as Numbered).n);

const numbersTo = (end: number) => Array.from({ length: end }, (_, n) => n);

const sorted = (numbers: readonly number[]) => numbers.toSorted((a, b) => a - b);

/** What goes on beside a full disk. */
async function serves(client: LambdaClient): Promise<void> {
  assert.equal((await invokeFunction(client, 'other', {})).payload, 'done');
  const { Configuration } = await client.send(new GetFunctionCommand({ FunctionName: 'work' }));
  assert.equal(Configuration?.State, 'Active');
}

async function prepare(client: LambdaClient, ledger: Ledger): Promise<void> {
  await createFunction(client, 'other', { files: tellingFunction(ledger.url) });
  await createFunction(client, 'work', { files: tellingFunction(ledger.url), Timeout: 300 });
  await client.send(
    new PutFunctionConcurrencyCommand({ FunctionName: 'work', ReservedConcurrentExecutions: IN_FLIGHT }),
  );
  await createFunction(client, 'records', { files: tellingFunction(ledger.url) });
  const OnFailure = { Destination: 'arn:aws:lambda:us-east-1:000000000000:function:records' };
  await client.send(
    new PutFunctionEventInvokeConfigCommand({
      FunctionName: 'work',
      MaximumRetryAttempts: 0,
      DestinationConfig: { OnFailure },
    }),
  );
  await invokeFunction(client, 'other', {});
}

const scenarios: Record<string, (ledger: Ledger) => Promise<void>> = {
  async 'goes on'(ledger) {
    const server = await start();
    const client = server.client({ maxAttempts: 1, requestHandler: { requestTimeout: 60_000 } });
    await prepare(client, ledger);
    const release = Promise.withResolvers<void>();
    ledger.judge = async ({ functionName, event }) => {
      if (functionName !== 'work') return { result: 'done' };
      await release.promise;
      return (event as Numbered).n < IN_FLIGHT ? { error: 'as asked' } : { result: 'done' };
    };
    const first = await acceptUntilFull(client, 0);
    assert.ok(first > 30, `only ${first} events fit`);
    takeRoom();
    // A few more may find room in the database's own files; they count as accepted.
    const accepted = await acceptUntilFull(client, first);
    // The database may have room of its own for a small record, but nothing has it for a package.
    const large = { 'index.mjs': 'export const handler = () => 1;', 'noise.bin': randomBytes(LARGE_FILE_BYTES) };
    await assert.rejects(createFunction(client, 'large', { files: large }), isFull);
    await serves(client);

    // An attempt fails whose record finds no room: it is not made again because of it, and nobody waits for it.
    release.resolve();
    await serverSays(server, WAITS);
    await serves(client);
    rmSync(filler);
    await ledger.runsOf('work', accepted);
    const records = await ledger.runsOf('records', IN_FLIGHT);
    const told = records.map(({ event }) => (event as { readonly requestPayload: Numbered }).requestPayload.n);
    assert.deepEqual(sorted(told), numbersTo(IN_FLIGHT));
    assert.deepEqual(sorted(numbersOf(ledger.entries)), numbersTo(accepted));
    // There is room again: for a small event and a large one.
    for (const n of [accepted, accepted + 1]) await accept(client, n);
    await ledger.runsOf('work', accepted + 2);
    await server.stop();
  },

  async killed(ledger) {
    const server = await start();
    const client = server.client({ maxAttempts: 1 });
    await prepare(client, ledger);
    ledger.judge = ({ functionName }) => (functionName === 'other' ? { result: 'done' } : new Promise(() => {}));
    const accepted = await acceptUntilFull(client, 0);
    takeRoom();
    await ledger.runsOf('work', IN_FLIGHT);
    await server.kill();
    const before = ledger.entries.length;
    ledger.judge = () => ({ result: 'done' });
    const next = await start();
    await serves(next.client());
    rmSync(filler);
    const allRun = () => new Set(numbersOf(ledger.entries.slice(before))).size === accepted;
    await ledger.until(allRun);
    assert.deepEqual(sorted(numbersOf(ledger.entries.slice(before))), numbersTo(accepted));
    await next.stop();
  },
};

writeFileSync(filler, Buffer.alloc(FILLER_BYTES_MIN));
const ledger = await startLedger();
const run = scenarios[scenario];
assert.ok(run, `no scenario ${scenario}`);
await run(ledger);
await ledger.close();
