import { totalmem } from 'node:os';
import { type Clock, systemClock, type Timer } from '../../base/clock.ts';
import type { SandboxSpec } from '../../environments/sandbox.ts';

/**
 * Sandboxes whose runtime's process runs already and waits for its function. Each serves one environment, once.
 *
 * How many wait of a kind follows what was taken lately, between two and the size of the pool. They are made one after the
 * other, in quiet moments, and with next to no claim on the processors, so that running functions do not notice.
 */
export type PrestartKind = Pick<SandboxSpec, 'tmpBytes' | 'prestart' | 'datagrams'>;

/** One that is being made. */
export interface Prestarting<T> {
  /** Resolves when its process waits. */
  readonly waits: Promise<T>;
  /** Somebody waits for it now. */
  hasten(): void;
}

export interface PrestartPoolOptions<T> {
  /** The most that wait of one kind. */
  readonly size: number;
  readonly begin: (kind: PrestartKind) => Prestarting<T>;
  readonly end: (waiting: T) => Promise<void>;
  /** Told of all kinds, the one asked for last at the end, when there is a new one. */
  readonly remember?: (kinds: readonly PrestartKind[]) => void;
  readonly clock?: Clock;
  /** Whether the machine has no memory for one more. */
  readonly isMemoryShort?: () => boolean;
}

/** Anything that may end by itself. */
export interface Endable {
  /** Resolves when it is of no use any more. */
  readonly lost: Promise<unknown>;
}

/** Runtimes, their versions, sizes of memory, as far as their processes begin differently: those asked for last. */
export const KINDS_MAX = 6;
/** Making one takes a processor for some tens of milliseconds: not right behind the cold start that took the last one. */
const REFILL_DELAY_MS = 40;
/** As many wait of a kind that was asked for. */
const WAITING_MIN = 2;
/** More wait when more were taken within this time. */
const DEMAND_MS = 20_000;
/** A kind that nobody has asked for so long is given up. */
const IDLE_MS = 600_000;
const LOOK_MS = 30_000;
/** One that could not be made is not tried again at once. */
const FAILED_MS = 10_000;
/** Of the machine's memory, what has to be available for another one to be made. */
const AVAILABLE_SHARE_MIN = 0.1;

interface Kind<T> {
  readonly spec: PrestartKind;
  readonly waiting: T[];
  making: Prestarting<T> | undefined;
  /** The one that is being made is for somebody already. */
  isClaimed: boolean;
  readonly takenMs: number[];
  askedMs: number;
  failedMs: number;
}

export class PrestartPool<T extends Endable> {
  readonly #options: PrestartPoolOptions<T>;
  /** The one asked for last is the last. */
  readonly #kinds = new Map<string, Kind<T>>();
  readonly #clock: Clock;
  readonly #isMemoryShort: () => boolean;
  #look: Timer | undefined;
  #refill: Timer | undefined;
  #isMaking = false;
  /** Counts the drops: what was begun before the last one is ended as soon as it is made. */
  #generation = 0;
  #hasNewKind = false;
  #closed = false;

  constructor(options: PrestartPoolOptions<T>) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#isMemoryShort = options.isMemoryShort ?? isMemoryShort;
    this.#lookLater();
  }

  /** One that waits, or that soon will; undefined when there is none. The promise rejects when it came to nothing. */
  take(spec: PrestartKind): Promise<T> | undefined {
    const kind = this.#kindOf(spec);
    if (!kind) return undefined;
    kind.takenMs.push(kind.askedMs);
    if (kind.takenMs.length > this.#options.size) kind.takenMs.shift();
    this.#refillLater();
    const waiting = kind.waiting.shift();
    if (waiting) return Promise.resolve(waiting);
    if (!kind.making || kind.isClaimed) return undefined;
    kind.isClaimed = true;
    kind.making.hasten();
    return this.#claimed(kind.making.waits, this.#generation);
  }

  async #claimed(waits: Promise<T>, generation: number): Promise<T> {
    const made = await waits;
    if (generation === this.#generation) return made;
    await this.#options.end(made);
    throw new Error('what was being made is dropped');
  }

  expect(spec: PrestartKind): void {
    if (this.#kindOf(spec)) this.#refillLater();
  }

  /**
   * Ends all that wait, and what is being made once it is; new ones come in their place. Who has been promised one that is
   * being made is told that it came to nothing.
   */
  async drop(): Promise<void> {
    this.#generation++;
    this.#refillLater();
    await Promise.all([...this.#kinds.values()].map((kind) => this.#empty(kind)));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#refill?.cancel();
    this.#look?.cancel();
    const making = [...this.#kinds.values()].map((kind) => kind.making?.waits.catch(() => undefined));
    await this.drop();
    await Promise.all(making);
  }

  #kindOf(spec: PrestartKind): Kind<T> | undefined {
    if (this.#closed || spec.prestart === undefined) return undefined;
    const key = JSON.stringify([spec.tmpBytes, spec.prestart, spec.datagrams !== undefined]);
    const known = this.#kinds.get(key);
    const kind = known ?? newKind<T>(spec);
    if (!known) this.#hasNewKind = true;
    kind.askedMs = this.#clock.monotonic();
    this.#kinds.delete(key);
    this.#kinds.set(key, kind);
    const [oldest] = this.#kinds;
    if (this.#kinds.size > KINDS_MAX && oldest) {
      this.#kinds.delete(oldest[0]);
      void this.#empty(oldest[1]);
    }
    return kind;
  }

  async #empty(kind: Kind<T>): Promise<void> {
    await Promise.all(kind.waiting.splice(0).map(this.#options.end));
  }

  #lookLater(): void {
    this.#look = this.#clock.after(LOOK_MS, () => {
      this.#giveUp();
      this.#lookLater();
    });
  }

  #giveUp(): void {
    const nowMs = this.#clock.monotonic();
    const isShort = this.#isMemoryShort();
    for (const [key, kind] of this.#kinds) {
      if (!isShort && nowMs - kind.askedMs < IDLE_MS) continue;
      this.#kinds.delete(key);
      void this.#empty(kind);
    }
  }

  #refillLater(): void {
    if (this.#closed) return;
    this.#refill?.cancel();
    this.#refill = this.#clock.after(REFILL_DELAY_MS, () => this.#makeNext());
  }

  #makeNext(): void {
    if (this.#hasNewKind) this.#options.remember?.([...this.#kinds.values()].map(({ spec }) => spec));
    this.#hasNewKind = false;
    if (this.#isMaking || this.#isMemoryShort()) return;
    const nowMs = this.#clock.monotonic();
    // The kind asked for last comes first.
    const kind = [...this.#kinds.values()].reverse().find((each) => this.#lacks(each, nowMs));
    if (!kind) return;
    this.#isMaking = true;
    void this.#make(kind).finally(() => {
      this.#isMaking = false;
      if (!this.#closed) this.#makeNext();
    });
  }

  #lacks({ waiting, takenMs, failedMs }: Kind<T>, nowMs: number): boolean {
    const lately = takenMs.filter((ms) => nowMs - ms < DEMAND_MS).length;
    return (
      waiting.length < Math.max(Math.min(WAITING_MIN, this.#options.size), lately) && nowMs - failedMs >= FAILED_MS
    );
  }

  async #make(kind: Kind<T>): Promise<void> {
    const generation = this.#generation;
    try {
      kind.making = this.#options.begin(kind.spec);
      const made = await kind.making.waits;
      if (!kind.isClaimed) await this.#keep(kind, made, generation);
    } catch {
      // Cold starts do without; what is wrong shows when they start their own.
      kind.failedMs = this.#clock.monotonic();
    } finally {
      kind.making = undefined;
      kind.isClaimed = false;
    }
  }

  async #keep(kind: Kind<T>, made: T, generation: number): Promise<void> {
    if (this.#closed || generation !== this.#generation || ![...this.#kinds.values()].includes(kind)) {
      await this.#options.end(made);
      return;
    }
    kind.waiting.push(made);
    void made.lost.then(() => {
      const at = kind.waiting.indexOf(made);
      if (at < 0) return;
      kind.waiting.splice(at, 1);
      void this.#options.end(made);
    });
  }
}

function newKind<T>(spec: PrestartKind): Kind<T> {
  return {
    spec,
    waiting: [],
    making: undefined,
    isClaimed: false,
    takenMs: [],
    askedMs: 0,
    failedMs: Number.NEGATIVE_INFINITY,
  };
}

function isMemoryShort(): boolean {
  return process.availableMemory() < totalmem() * AVAILABLE_SHARE_MIN;
}
