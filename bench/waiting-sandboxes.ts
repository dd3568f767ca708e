import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { TestServer } from '../test/support/server.ts';

/** Where the kernel has a process that waits at its gate: it opens a FIFO that nobody has opened for writing. */
const AT_GATE = 'wait_for_partner';
/** Where a frozen process stands: one that was frozen at its gate is kept for a function already. */
const FROZEN = /^(get_signal|do_freezer_trap|__refrigerator)$/;
/** Of the environment of a process that has no function yet. */
const GATE_VARIABLE = '_LAMBDAD_GATE=';
const LOOK_MS = 25;
/** Longer than a server waits before it makes the next one, and than it takes until that one's process is seen. */
const QUIET_MS = 250;
/** They are made with next to no claim on the processors: on a machine that others use that takes its time. */
const SETTLE_MS_MAX = 60_000;

/** The sandboxes of a server whose process waits for a function, as the machine's list of processes has them. */
export class WaitingSandboxes {
  readonly #server: TestServer;
  #isNone = false;

  constructor(server: TestServer) {
    this.#server = server;
  }

  /**
   * Resolves when some wait and none is in the making: what a quiet server comes to. Where none has come the first time,
   * because the machine cannot have them, it says so and never waits again. Rejects when they do not come later.
   */
  async settled(isFirst: boolean): Promise<void> {
    if (this.#isNone) return;
    const untilMs = performance.now() + SETTLE_MS_MAX;
    let last = -1;
    let sinceMs = 0;
    for (;;) {
      const { atGate, beginning } = this.#look();
      const nowMs = performance.now();
      if (atGate === 0 || beginning > 0 || atGate !== last) sinceMs = nowMs;
      else if (nowMs - sinceMs >= QUIET_MS) return;
      last = atGate;
      if (nowMs > untilMs) {
        if (!isFirst || atGate > 0) throw new Error(`${atGate} sandboxes wait and ${beginning} are in the making`);
        console.error('no sandbox waits on this machine: cold starts are measured without');
        this.#isNone = true;
        return;
      }
      await wait(LOOK_MS);
    }
  }

  #look(): { readonly atGate: number; readonly beginning: number } {
    const all = descendantsOf(this.#server.pid).filter(hasGate).map(placeOf);
    const places = all.filter((place) => !FROZEN.test(place ?? ''));
    const atGate = places.filter((place) => place === AT_GATE).length;
    return { atGate, beginning: places.length - atGate };
  }
}

function hasGate(pid: number): boolean {
  return (textOf(pid, 'environ') ?? '').includes(GATE_VARIABLE);
}

/** A JVM's first thread does nothing but wait for its second, which tells more. */
function placeOf(pid: number): string | undefined {
  const first = textOf(pid, 'wchan');
  if (first === AT_GATE || FROZEN.test(first ?? '')) return first;
  return threadsOf(pid).find((id) => textOf(pid, `task/${id}/wchan`) === AT_GATE) === undefined ? first : AT_GATE;
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** Undefined for a process that has ended, or that is not ours to look at. */
function textOf(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch {
    return undefined;
  }
}

function descendantsOf(pid: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const name of process.platform === 'linux' ? readdirSync('/proc') : []) {
    const stat = /^\d+$/.test(name) ? textOf(Number(name), 'stat') : undefined;
    if (stat) parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
  }
  const isBelow = (each: number): boolean => each === pid || (each > 1 && isBelow(parents.get(each) ?? 0));
  return [...parents.keys()].filter(isBelow);
}
