/**
 * A mixed load on one server for half an hour: what it holds of the machine stays the same, no event is lost, and the last
 * invokes take no longer than the first. Prints a table, writes JSON, and ends with 1 when something is not as it must be.
 *
 *     npm run soak [-- --minutes 30] [--json FILE]
 */
import { writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Entry, startLedger } from '../test/async/ledger.ts';
import { percentile } from '../test/proof/figures.ts';
import { holdingsOf, type SoakHoldings } from '../test/proof/soak-holdings.ts';
import { furnish, type LoadTally, runLoads, type SoakWorld } from '../test/proof/soak-loads.ts';
import { startWatchedServer, type WatchedServer } from '../test/proof/watched-server.ts';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '30' }, json: { type: 'string', default: 'soak.json' } },
});
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error('--minutes: how long, more than 0');

const WARM_UP_MS = Math.min(60_000, minutes * 60_000 * 0.2);
const IDLE_SECONDS = 5;
/** Longer than environments are idle, and than the server remembers how many sandboxes were wanted (20 s). */
const LOOK_MS = 30_000;
const SAMPLE_MS = 5000;
/** Events that wait for a retry become a minute older this often. */
const AGE_MS = 5000;
const SETTLE_MS_MAX = 120_000;
const RATIO_MAX = 1.2;
/** The server's own connections and files, and a spare sandbox more or less. */
const SLACK: Readonly<Record<keyof SoakHoldings, number>> = {
  rssMb: 0,
  descriptors: 12,
  processes: 4,
  mounts: 0,
  controlGroups: 4,
};

interface Verdict {
  readonly what: string;
  readonly first: number;
  readonly last: number;
  readonly isGood: boolean;
}

async function held(server: WatchedServer): Promise<SoakHoldings> {
  return holdingsOf(server.pid, server.dataDir, (await server.memory()).rss);
}

/** What is held once all environments have ended: the least of what is seen until two looks are alike. */
async function settled(server: WatchedServer): Promise<SoakHoldings> {
  let last: SoakHoldings | undefined;
  for (const until = Date.now() + SETTLE_MS_MAX; ; await wait(LOOK_MS)) {
    const now = await held(server);
    const isAlike = last?.processes === now.processes && last.descriptors === now.descriptors;
    if (isAlike || Date.now() > until) return now;
    last = now;
  }
}

/** The identifiers of events whose end the destination was told. */
function heardOf(entries: readonly Entry[]): Map<number, number> {
  const heard = new Map<number, number>();
  for (const { functionName, event } of entries) {
    const id =
      functionName === 'hears' ? (event as { requestPayload?: { id?: number } }).requestPayload?.id : undefined;
    if (id !== undefined) heard.set(id, (heard.get(id) ?? 0) + 1);
  }
  return heard;
}

async function age(server: WatchedServer): Promise<void> {
  const answer = await fetch(`${server.url}/_lambdad/clock?advanceSeconds=60`, { method: 'POST' });
  await answer.arrayBuffer();
}

/** Waits until each accepted event has ended, and says which have not. */
async function lostOf(
  server: WatchedServer,
  entries: readonly Entry[],
  accepted: ReadonlySet<number>,
): Promise<number[]> {
  for (const until = Date.now() + SETTLE_MS_MAX; ; await wait(1000)) {
    await age(server);
    const heard = heardOf(entries);
    const missing = [...accepted].filter((id) => !heard.has(id));
    if (missing.length === 0 || Date.now() > until) return missing;
  }
}

function verdicts(before: SoakHoldings, after: SoakHoldings, latenciesMs: readonly number[], lost: number): Verdict[] {
  const tenth = Math.ceil(latenciesMs.length / 10);
  const [first, last] = [latenciesMs.slice(0, tenth), latenciesMs.slice(-tenth)];
  const ofLatency = (share: number) => [percentile(first, share), percentile(last, share)] as const;
  const [middleFirst, middleLast] = ofLatency(0.5);
  const [slowFirst, slowLast] = ofLatency(0.99);
  return [
    ...(Object.keys(SLACK) as (keyof SoakHoldings)[]).map((what) => {
      const most = what === 'rssMb' ? before[what] * RATIO_MAX : before[what] + SLACK[what];
      return { what, first: before[what], last: after[what], isGood: after[what] <= most };
    }),
    { what: 'latency p50 ms', first: middleFirst, last: middleLast, isGood: middleLast <= middleFirst * RATIO_MAX },
    // Shown alone: a hundredth of a tenth is few invokes.
    { what: 'latency p99 ms', first: slowFirst, last: slowLast, isGood: true },
    { what: 'events lost', first: 0, last: lost, isGood: lost === 0 },
  ];
}

function print(tallies: readonly LoadTally[], found: readonly Verdict[]): void {
  const rows = [
    ['', 'first', 'last', ''],
    ...found.map((it) => [it.what, it.first.toFixed(1), it.last.toFixed(1), it.isGood ? 'ok' : 'NOT OK']),
    ...tallies.map((it) => [
      it.name,
      `${it.rounds} rounds`,
      `${it.errors.length} errors`,
      it.errors.length ? 'NOT OK' : 'ok',
    ]),
  ];
  const widths = [0, 1, 2, 3].map((at) => Math.max(...rows.map((row) => (row[at] ?? '').length)));
  for (const row of rows) console.log(row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  '));
  for (const { name, errors } of tallies) for (const error of errors) console.log(`${name}: ${error}`);
}

async function soak(): Promise<boolean> {
  const ledger = await startLedger();
  ledger.judge = ({ functionName, event }) =>
    functionName === 'works' && (event as { fail?: boolean }).fail ? { error: 'as asked' } : {};
  const port = new URL(ledger.url).port;
  const args = ['--url-port', '0', '--idle-seconds', String(IDLE_SECONDS), '--allow-host', port, '--test-clock'];
  const server = await startWatchedServer({ args });
  const [latenciesMs, accepted]: [number[], Set<number>] = [[], new Set()];
  const world: SoakWorld = {
    client: server.client(),
    ledgerUrl: ledger.url,
    latenciesMs,
    accepted,
    urls: { buffered: '', streamed: '' },
  };
  await furnish(world);
  const numbers = new Map<string, number>();
  const run = (ms: number) => {
    const endMs = Date.now() + ms;
    return runLoads(world, numbers, () => Date.now() > endMs);
  };
  const warmUp = await run(WARM_UP_MS);
  const before = await settled(server);
  latenciesMs.length = 0;
  const samples: object[] = [];
  const sampler = setInterval(() => {
    void held(server).then(
      (now) => samples.push({ atMs: Date.now(), ...now }),
      () => {},
    );
  }, SAMPLE_MS);
  const ager = setInterval(() => void age(server).catch(() => {}), AGE_MS);
  const tallies = await run(minutes * 60_000);
  clearInterval(sampler);
  clearInterval(ager);
  const lost = await lostOf(server, ledger.entries, accepted);
  const after = await settled(server);
  const found = verdicts(before, after, latenciesMs, lost.length);
  print(tallies, found);
  const twice = [...heardOf(ledger.entries).values()].filter((count) => count > 1).length;
  console.log(
    `${accepted.size} events, ${twice} of them told more than once; server said: ${server.stderr().length} characters`,
  );
  writeFileSync(
    values.json,
    JSON.stringify({ minutes, warmUp, tallies, found, lost, samples, stderr: server.stderr() }, null, 1),
  );
  const { code } = await server.stop();
  await ledger.close();
  return code === 0 && found.every(({ isGood }) => isGood) && tallies.every(({ errors }) => errors.length === 0);
}

process.exitCode = (await soak()) ? 0 : 1;
