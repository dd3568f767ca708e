/** kill -9 at random moments: no accepted event is lost, and only what was in flight at a kill is run again. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { InvokeCommand, type LambdaClient, PutFunctionConcurrencyCommand } from '@aws-sdk/client-lambda';
import { randomFromSeed } from '../contract/random-from-seed.ts';
import { createFunction } from '../support/functions.ts';
import { everythingRequired } from '../support/requirement.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { type Entry, type Ledger, startLedger, tellingFunction } from './ledger.ts';

const KILLS = everythingRequired ? 100 : 6;
const EVENTS = everythingRequired ? 10_000 : 600;
const SENDERS = 8;
const LIFE_MS_MAX = 700;
/** The function's reserved concurrency: no more can be in flight. */
const IN_FLIGHT_MAX = 4;
/** Every so many events is too large for a row of the database. */
const LARGE_EVERY = 25;
const LARGE_CHARACTERS = 40_000;
const SEED = 20_152;
const WAIT_MS_MAX = 120_000;

interface Numbered {
  readonly n: number;
}

/** Hundred starts of a server and their kills, in full. */
const CRASH_MS_MAX = 600_000;

describe('asynchronous invokes of a server that is killed', { timeout: CRASH_MS_MAX }, () => {
  let dataDir: string;
  let ledger: Ledger;
  /** Numbers of the events that were answered with 202. */
  const accepted = new Set<number>();
  /** How many entries the ledger had at each kill. */
  const kills: number[] = [];

  before(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'lambdad-async-crash-'));
    ledger = await startLedger();
  });
  after(async () => {
    await ledger.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const start = () => startTestServer({ dataDir, args: ['--sandbox', 'process'] });

  async function prepare(): Promise<void> {
    const server = await start();
    const client = server.client();
    await createFunction(client, 'work', { files: tellingFunction(ledger.url) });
    const ReservedConcurrentExecutions = IN_FLIGHT_MAX;
    await client.send(new PutFunctionConcurrencyCommand({ FunctionName: 'work', ReservedConcurrentExecutions }));
    await server.stop();
  }

  /** Sends until it is told to stop, or the server is gone. */
  async function sendTo(client: LambdaClient, next: () => number | undefined): Promise<void> {
    try {
      for (let n = next(); n !== undefined; n = next()) {
        const text = n % LARGE_EVERY === 0 ? 'x'.repeat(LARGE_CHARACTERS) : 'x';
        const Payload = JSON.stringify({ n, text });
        const input = { FunctionName: 'work', InvocationType: 'Event', Payload } as const;
        const { StatusCode } = await client.send(new InvokeCommand(input));
        if (StatusCode === 202) accepted.add(n);
      }
    } catch {
      // The server is gone. What it has accepted of this last one nobody knows.
    }
  }

  async function oneLife(server: TestServer, lastN: number, begin: { n: number }, lifeMs: number): Promise<void> {
    const client = server.client({ maxAttempts: 1 });
    const next = () => (begin.n < lastN ? begin.n++ : undefined);
    const sending = Array.from({ length: SENDERS }, () => sendTo(client, next));
    await new Promise((resolve) => setTimeout(resolve, lifeMs));
    kills.push(ledger.entries.length);
    await server.kill();
    await Promise.all(sending);
  }

  async function runAll(): Promise<void> {
    const server = await start();
    await sendTo(server.client(), rest);
    const isRun = new Set<number>();
    let looked = 0;
    for (const giveUpAt = performance.now() + WAIT_MS_MAX; performance.now() < giveUpAt; ) {
      for (; looked < ledger.entries.length; looked++) isRun.add(numberOf(ledger.entries[looked] as Entry));
      if ([...accepted].every((n) => isRun.has(n))) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const lost = [...accepted].filter((n) => !isRun.has(n));
    assert.deepEqual(lost, [], `${lost.length} of ${accepted.size} accepted events were never run`);
    await server.stop();
  }

  const begin = { n: 0 };
  const rest = () => (begin.n < EVENTS ? begin.n++ : undefined);

  it(`loses none of ${EVENTS} events in ${KILLS} kills, and repeats what was in flight at most`, {
    timeout: CRASH_MS_MAX,
  }, async () => {
    const random = randomFromSeed(SEED);
    await prepare();
    for (let kill = 1; kill <= KILLS; kill++)
      await oneLife(await start(), Math.ceil((EVENTS * kill) / KILLS), begin, random() * LIFE_MS_MAX);
    await runAll();
    // Those whose answer the kill took away may have been accepted, and are run then; none of them is an accepted one.
    assert.ok(accepted.size >= EVENTS - KILLS * SENDERS, `${accepted.size} were accepted`);
    const lives = [...kills, Number.POSITIVE_INFINITY];
    const lifeOf = (at: number) => lives.findIndex((entries) => at < entries);
    const runs = Map.groupBy(ledger.entries.entries(), ([, entry]) => numberOf(entry));
    const repeatsOf = new Map<number, number>();
    for (const [n, entries] of runs) {
      for (const [at] of entries.slice(0, -1)) repeatsOf.set(lifeOf(at), (repeatsOf.get(lifeOf(at)) ?? 0) + 1);
      const ids = new Set(entries.map(([, { requestId }]) => requestId));
      assert.equal(ids.size, 1, `event ${n} had the ids ${[...ids]}`);
    }
    for (const [life, repeats] of repeatsOf)
      assert.ok(repeats <= IN_FLIGHT_MAX, `${repeats} repeats of events that were begun before kill ${life + 1}`);
  });
});

function numberOf({ event }: Entry): number {
  return (event as Numbered).n;
}
