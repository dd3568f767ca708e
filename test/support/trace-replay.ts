import { readFileSync } from 'node:fs';
import { FakeClock } from '../../src/base/clock.ts';
import type { Environment, EnvironmentListener } from '../../src/environments/environment.ts';
import type { VersionBody } from '../../src/functions/records.ts';
import { Pool } from '../../src/invoke/pool.ts';
import type { VersionPool } from '../../src/invoke/version-pool.ts';

/** One invoke of a trace; milliseconds from the trace's beginning. */
export interface TracedInvoke {
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** A trace in the format of the Azure Functions Invocation Trace 2021: `app,func,end_timestamp,duration`, in seconds. */
export function readTrace(path: string): readonly TracedInvoke[] {
  const [, ...lines] = readFileSync(path, 'utf8').trim().split('\n');
  return lines.map((line) => {
    const [, name = '', end, duration] = line.split(',');
    return { name, startMs: (Number(end) - Number(duration)) * 1000, endMs: Number(end) * 1000 };
  });
}

/**
 * The fewest cold starts that anybody could have who knew the whole trace beforehand and kept an environment so long: every
 * invoke but those that can follow another in its environment, which is a matching of the largest size.
 */
export function fewestColdStarts(trace: readonly TracedInvoke[], idleMs: number): number {
  const follower = new Map<TracedInvoke, TracedInvoke>();
  const places = new Map(trace.map((invoke, place) => [invoke, place]));
  const canFollow = (before: TracedInvoke, after: TracedInvoke) => {
    const gapMs = after.startMs - before.endMs;
    const isLater = before.startMs < after.startMs || (places.get(before) ?? 0) < (places.get(after) ?? 0);
    return before.name === after.name && isLater && gapMs >= 0 && gapMs < idleMs;
  };
  const place = (before: TracedInvoke, seen: Set<TracedInvoke>): boolean => {
    for (const after of trace) {
      if (seen.has(after) || !canFollow(before, after)) continue;
      seen.add(after);
      const holder = follower.get(after);
      if (holder !== undefined && !place(holder, seen)) continue;
      follower.set(after, before);
      return true;
    }
    return false;
  };
  return trace.length - trace.filter((invoke) => place(invoke, new Set())).length;
}

/** How many environments the server's own pool starts for a trace, on a clock that jumps from event to event. */
export async function coldStartsOf(trace: readonly TracedInvoke[], idleMs: number): Promise<number> {
  const clock = new FakeClock(0);
  let started = 0;
  const pool = new Pool({
    create: async (_target, listener) => {
      started++;
      return new IdleEnvironment(clock, listener) as unknown as Environment;
    },
    clock,
    gate: { take: () => true, giveBack: () => {} },
    idleMs,
    maxAgeMs: Number.MAX_SAFE_INTEGER,
    fullWaitMs: 0,
  });
  const pools = new Map<string, VersionPool>();
  const running = new Map<TracedInvoke, IdleEnvironment>();
  const events = trace.flatMap((invoke, place) => [
    { atMs: invoke.startMs, place, order: 1, invoke },
    { atMs: invoke.endMs, place, order: invoke.endMs > invoke.startMs ? 0 : 2, invoke },
  ]);
  // What ends at a moment is free for what begins in it.
  events.sort((a, b) => a.atMs - b.atMs || a.order - b.order || a.place - b.place);
  for (const { atMs, order, invoke } of events) {
    clock.advance(Math.max(0, atMs - clock.now()));
    if (order !== 1) {
      running.get(invoke)?.finish();
      continue;
    }
    const versions = pools.get(invoke.name) ?? pool.open({ account: '1', region: 'r', version: {} as VersionBody });
    pools.set(invoke.name, versions);
    const environment = (pool.takeIdle(versions) ?? (await pool.take(versions))) as unknown as IdleEnvironment;
    environment.isFree = false;
    running.set(invoke, environment);
  }
  await pool.close();
  return started;
}

/** What the pool needs of an environment. */
class IdleEnvironment {
  readonly #clock: FakeClock;
  readonly #listener: EnvironmentListener;
  readonly initialized = Promise.resolve();
  readonly maxMemoryMb = 1;
  readonly bornMs: number;
  freeSinceMs: number;
  isFree = true;

  constructor(clock: FakeClock, listener: EnvironmentListener) {
    this.#clock = clock;
    this.#listener = listener;
    this.bornMs = clock.monotonic();
    this.freeSinceMs = this.bornMs;
  }

  finish(): void {
    this.isFree = true;
    this.freeSinceMs = this.#clock.monotonic();
    this.#listener.free(this as unknown as Environment);
  }

  freeze(): void {}

  async end(): Promise<void> {}
}
