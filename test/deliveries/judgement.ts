/** What a ledger of deliveries proves against the server: each function names the violations it finds, none when all is well. */
import type { Entry, MappingName, Seen } from './ledger.ts';

/** A batch of a stream that its failure destination was told of. */
export interface GivenUp {
  readonly requestId: string;
  readonly shardId: string;
  readonly first: bigint;
  readonly last: bigint;
  readonly batchSize: number;
}

/** How far each shard was, on disk, when a life began; without those of which nothing was written. */
export type Checkpoints = ReadonlyMap<string, bigint>;

export interface Story {
  readonly entries: readonly Entry[];
  /** How many were put into each source; numbered from 0 on, the keys one after the other. */
  readonly put: Readonly<Record<MappingName, number>>;
  readonly keys: Readonly<Record<MappingName, number>>;
  /** Numbers in the dead letter queues. */
  readonly dead: Readonly<Record<'standard' | 'fifo', ReadonlySet<number>>>;
  readonly givenUp: readonly GivenUp[];
  /** One for each life, from 0 on. */
  readonly checkpoints: readonly Checkpoints[];
  /** How long a queue hides what it handed out, less what a delivery may take until the ledger hears of it. */
  readonly hiddenMs: number;
  /** Batches of a queue in hand at a time, and messages of a batch. */
  readonly lanes: number;
  readonly batchSize: number;
}

/** Batches of a lane that a kill makes come again at most: one in hand, one that is being deleted or noted. */
const UNSYNCED_BATCHES = 2;
const LATE_SHARE_MAX = 0.1;

/** Records of an entry, with whether their delivery was their last. */
interface Told extends Seen {
  readonly isOver: boolean;
}
interface Delivery extends Omit<Entry, 'records'> {
  readonly records: readonly Told[];
}

export function violations(story: Story): string[] {
  const { deliveries, strange } = withGivenUp(story);
  return [
    ...strange,
    ...losses(story),
    ...repeatsOfQueue(story, deliveries),
    ...disorderOfGroups(story, deliveries),
    ...disorderOfKeys(story, deliveries),
    ...behindCheckpoint(story, deliveries),
    ...lateCheckpoints(story, deliveries),
  ];
}

function withGivenUp({ entries, givenUp }: Pick<Story, 'entries' | 'givenUp'>): {
  deliveries: Delivery[];
  strange: string[];
} {
  const strange: string[] = [];
  const of = Map.groupBy(givenUp, ({ requestId }) => requestId);
  // What a function of a killed server said late comes before what the next server's said.
  const deliveries = entries
    .toSorted((a, b) => a.life - b.life)
    .map((entry): Delivery => {
      const ranges = entry.mapping === 'stream' ? (of.get(entry.requestId) ?? []) : [];
      const isIn = ({ id, shardId }: Seen) =>
        ranges.some((range) => range.shardId === shardId && BigInt(id) >= range.first && BigInt(id) <= range.last);
      for (const { batchSize, requestId } of ranges.slice(0, 1)) {
        const count = entry.records.filter(isIn).length;
        if (count !== batchSize) strange.push(`${requestId}: ${batchSize} records given up, ${count} were delivered`);
      }
      return {
        ...entry,
        records: entry.records.map((record, place) => {
          if (entry.done.has(place) && isIn(record)) strange.push(`${record.key} ${record.n} was given up, and done`);
          return { ...record, isOver: entry.done.has(place) || isIn(record) };
        }),
      };
    });
  const known = new Set(entries.map(({ requestId }) => requestId));
  for (const { requestId } of givenUp) if (!known.has(requestId)) strange.push(`${requestId} was given up unseen`);
  return { deliveries, strange };
}

/** What was neither done once nor is where failures go. */
export function losses(story: Pick<Story, 'entries' | 'put' | 'dead' | 'givenUp'>): string[] {
  const { put, dead } = story;
  const over = { standard: new Set(dead.standard), fifo: new Set(dead.fifo), stream: new Set<number>() };
  for (const { mapping, records } of withGivenUp(story).deliveries)
    for (const { n, isOver } of records) if (isOver) over[mapping].add(n);
  return (['standard', 'fifo', 'stream'] as const).flatMap((mapping) => {
    const lost = Array.from({ length: put[mapping] }, (_, n) => n).filter((n) => !over[mapping].has(n));
    return lost.length === 0 ? [] : [`${mapping}: ${lost.length} lost: ${lost.slice(0, 10)}`];
  });
}

/**
 * What was done comes again after a kill, and then as much as was in hand. Without a kill only what its queue has hidden for
 * its time may, when a busy machine made the answer or the deletion come too late; that is rare.
 */
function repeatsOfQueue({ hiddenMs, lanes, batchSize, put }: Story, deliveries: readonly Delivery[]): string[] {
  const found: string[] = [];
  const last = new Map<number, { readonly life: number; readonly atMs: number; readonly isOver: boolean }>();
  const perKill = new Map<number, number>();
  let late = 0;
  for (const { life, atMs, records } of deliveries.filter(({ mapping }) => mapping === 'standard'))
    for (const { n, isOver } of records) {
      const before = last.get(n);
      last.set(n, { life, atMs, isOver });
      if (!before?.isOver) continue;
      if (before.life !== life) perKill.set(before.life, (perKill.get(before.life) ?? 0) + 1);
      else if (atMs - before.atMs >= hiddenMs) late++;
      else found.push(`message ${n} was done, and came again at once in life ${life}`);
    }
  for (const [life, count] of perKill)
    if (count > lanes * batchSize * UNSYNCED_BATCHES)
      found.push(`${count} messages done before kill ${life + 1} came again`);
  if (late > put.standard * LATE_SHARE_MAX) found.push(`${late} messages were done, and came again without a kill`);
  return found;
}

interface Run {
  readonly life: number;
  readonly atMs: number;
  readonly deadlineMs: number;
  /** Place of the first record of the key in the batch, and of the first that is not over. */
  readonly first: number;
  readonly next: number;
}

/** The runs of records of one key, by key; what is no run is a violation. */
function runsOf(story: Story, deliveries: readonly Delivery[], mapping: MappingName, found: string[]) {
  const keys = story.keys[mapping];
  const runs = new Map<string, Run[]>();
  for (const { life, atMs, deadlineMs, records } of deliveries.filter((delivery) => delivery.mapping === mapping))
    for (const [key, some = []] of Map.groupBy(records, (record) => record.key)) {
      const places = some.map(({ n }) => Math.floor(n / keys));
      const first = places[0] ?? 0;
      const open = some.findIndex(({ isOver }) => !isOver);
      if (places.some((place, at) => place !== first + at)) found.push(`${key}: a batch holds ${places}`);
      const run = { life, atMs, deadlineMs, first, next: first + (open === -1 ? some.length : open) };
      runs.set(key, [...(runs.get(key) ?? []), run]);
    }
  return runs;
}

/** A group goes on where its last batch ended, over what is dead; after a kill, from that batch's beginning on. */
function disorderOfGroups(story: Story, deliveries: readonly Delivery[]): string[] {
  const found: string[] = [];
  const { dead, keys, hiddenMs } = story;
  for (const [key, runs] of runsOf(story, deliveries, 'fifo', found)) {
    const group = Number(key.slice(key.lastIndexOf('-') + 1));
    const isDead = (place: number) => dead.fifo.has(place * keys.fifo + group);
    let before: Run = { life: -1, atMs: 0, deadlineMs: 0, first: 0, next: 0 };
    for (const run of runs) {
      const isLate = run.life === before.life && run.atMs - before.atMs >= hiddenMs;
      const from = run.life === before.life && !isLate ? before.next : before.first;
      if (run.first < from) found.push(`${key}: ${run.first} came again, ${from} was next (life ${run.life})`);
      for (let place = before.next; place < run.first; place++)
        if (!isDead(place)) found.push(`${key}: ${run.first} came before ${place} was done (life ${run.life})`);
      before = run;
    }
  }
  return found;
}

/** A key goes on exactly where its last batch ended; after a kill, at the checkpoint or behind it, without a gap. */
function disorderOfKeys(story: Story, deliveries: readonly Delivery[]): string[] {
  const found: string[] = [];
  for (const [key, runs] of runsOf(story, deliveries, 'stream', found)) {
    let before: Run = { life: -1, atMs: 0, deadlineMs: 0, first: 0, next: 0 };
    let ever = 0;
    for (const run of runs) {
      const isLate = run.atMs >= before.deadlineMs && run.first === before.first;
      if (run.life === before.life && run.first !== before.next && !isLate)
        found.push(`${key}: ${run.first} came in place of ${before.next} (life ${run.life})`);
      if (run.first > ever) found.push(`${key}: ${run.first} came, and ${ever} was not done (life ${run.life})`);
      ever = Math.max(ever, run.next);
      before = run;
    }
  }
  return found;
}

function behindCheckpoint({ checkpoints }: Story, deliveries: readonly Delivery[]): string[] {
  const found: string[] = [];
  for (const { life, records, mapping } of deliveries)
    for (const { id, key, n, shardId = '' } of mapping === 'stream' ? records : []) {
      const checkpoint = checkpoints[life]?.get(shardId);
      if (checkpoint !== undefined && BigInt(id) <= checkpoint)
        found.push(`${key}: ${n} came in life ${life}, and is behind the checkpoint of its beginning`);
    }
  return found;
}

/**
 * A lane waits with its second batch until the first one is on disk. So at a kill what was done in this life, without a gap
 * from its beginning on, is behind the checkpoint, but for the last two batches of each lane.
 */
function lateCheckpoints({ checkpoints }: Story, deliveries: readonly Delivery[]): string[] {
  const found: string[] = [];
  const ofStream = deliveries.filter(({ mapping }) => mapping === 'stream');
  const all = new Map<string, Set<bigint>>();
  for (const { records } of ofStream) for (const record of records) addTo(all, record);
  for (const [life, kept] of checkpoints.slice(1).entries()) {
    const inLife = ofStream.filter((delivery) => delivery.life === life);
    const unsynced = lastBatches(inLife);
    const over = new Map<string, Set<bigint>>();
    for (const delivery of inLife)
      for (const record of delivery.records)
        if (record.isOver && !unsynced.get(record.key)?.includes(delivery)) addTo(over, record);
    for (const [shardId, ids] of all) {
      const begin = checkpoints[life]?.get(shardId) ?? -1n;
      const later = [...ids].filter((id) => id > begin).sort((a, b) => (a < b ? -1 : 1));
      const front = later.findIndex((id) => !over.get(shardId)?.has(id));
      const end = kept.get(shardId) ?? -1n;
      const late = later.slice(0, front === -1 ? later.length : front).filter((id) => id > end);
      if (late.length > 0)
        found.push(`${shardId}: ${late.length} records were done, but not on disk at kill ${life + 1}`);
    }
  }
  return found;
}

function addTo(records: Map<string, Set<bigint>>, { shardId = '', id }: Seen): void {
  const ids = records.get(shardId) ?? new Set();
  records.set(shardId, ids.add(BigInt(id)));
}

/** For each key, its last batches in which anything was over. */
function lastBatches(deliveries: readonly Delivery[]): Map<string, Delivery[]> {
  const last = new Map<string, Delivery[]>();
  for (const delivery of deliveries)
    for (const key of new Set(delivery.records.filter(({ isOver }) => isOver).map((record) => record.key)))
      last.set(key, [...(last.get(key) ?? []), delivery].slice(-UNSYNCED_BATCHES));
  return last;
}
