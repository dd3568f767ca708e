import { totalmem } from 'node:os';
import { type Clock, systemClock, type Timer } from '../../base/clock.ts';
import type { SandboxSpec } from '../../environments/sandbox.ts';
import { idleProcessors } from './idle-processors.ts';
import { kindKey } from './kind-key.ts';

/**
 * Sandboxes whose runtime's process runs already and waits for its function. Each serves one environment, once.
 *
 * How many wait of a kind follows what was taken lately, between two and the size of the pool. They are made in quiet
 * moments and with next to no claim on the processors, so that running functions do not notice. To make one costs twice what
 * a plain cold start does: where the processors are busy with cold starts, those that find none waiting begin plainly, and
 * none is made for them.
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
  /** How many processors were idle since it was asked last, on average. */
  readonly idleProcessors?: () => number;
}

/** Anything that may end by itself. */
export interface Endable {
  /** Resolves when it is of no use any more. */
  readonly lost: Promise<unknown>;
}

/** Runtimes, their versions, sizes of memory, as far as their processes begin differently: those asked for last. */
export const KINDS_MAX = 6;
/**
 * Making one takes a processor for a tenth of a second: not right behind the cold start that took the last one. In this
 * time it also shows whether a processor is idle.
 */
const REFILL_DELAY_MS = 40;
/** Below this nobody begins to make one … */
const IDLE_MIN = 0.5;
/** … for so long; then it is made of what the others leave. */
const BUSY_MS_MAX = 200;
const BUSY_LOOK_MS = 50;
/** As many are made at the same time while none of their kind waits; otherwise one. */
const MAKING_MAX = 2;
/** How long making one takes while nothing is known of its kind. */
const MAKING_MS_USUAL = 150;
/** Of the time that it usually takes, when one that is being made is sooner there than a plain start … */
const CLAIM_SHARE_MIN = 0.6;
/** … and when it is late, because the processors are busy: then nobody knows how far it is. */
const CLAIM_SHARE_MAX = 1.5;
/** As many wait of a kind that was asked for, unless it says how many shall. */
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

interface Making<T> {
  readonly prestarting: Prestarting<T>;
  readonly begunMs: number;
  /** Of the pool, when it was begun. */
  readonly generation: number;
  /** A processor was idle when it was begun. */
  readonly isQuiet: boolean;
  /** It is for somebody already. */
  isClaimed: boolean;
}

interface Kind<T> {
  readonly spec: PrestartKind;
  readonly waiting: T[];
  readonly making: Set<Making<T>>;
  /** How long it takes to make one: the last ones in quiet moments, the latest most. */
  usualMs: number;
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
  readonly #idleProcessors: () => number;
  #look: Timer | undefined;
  #refill: Timer | undefined;
  /** All that are being made, until they wait or have ended. */
  readonly #making = new Set<Promise<void>>();
  #busySinceMs: number | undefined;
  /** Counts the drops: what was begun before the last one is ended as soon as it is made. */
  #generation = 0;
  #hasNewKind = false;
  #closed = false;

  constructor(options: PrestartPoolOptions<T>) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#isMemoryShort = options.isMemoryShort ?? isMemoryShort;
    this.#idleProcessors = options.idleProcessors ?? idleProcessors();
    this.#lookLater();
  }

  /**
   * One that waits, or that will sooner than a plain start is there; undefined when there is none. The promise rejects when
   * it came to nothing.
   */
  take(spec: PrestartKind): Promise<T> | undefined {
    const kind = this.#kindOf(spec);
    if (!kind) return undefined;
    kind.takenMs.push(kind.askedMs);
    if (kind.takenMs.length > this.#options.size) kind.takenMs.shift();
    this.#refillLater();
    const waiting = kind.waiting.shift();
    if (waiting) return Promise.resolve(waiting);
    const making = [...kind.making].find((each) => each.generation === this.#generation && isSoonMade(each, kind));
    return making && this.#claim(making);
  }

  async #claim(making: Making<T>): Promise<T> {
    making.isClaimed = true;
    making.prestarting.hasten();
    const made = await making.prestarting.waits;
    if (making.generation === this.#generation) return made;
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
    await this.drop();
    await Promise.all(this.#making);
  }

  #kindOf(spec: PrestartKind): Kind<T> | undefined {
    if (this.#closed || spec.prestart === undefined) return undefined;
    const key = kindKey(spec);
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

  /** Those that have waited longest are kept. */
  async #empty(kind: Kind<T>, kept = 0): Promise<void> {
    await Promise.all(kind.waiting.splice(kept).map(this.#options.end));
  }

  #wanted({ spec, takenMs }: Kind<T>, nowMs: number): number {
    const lately = takenMs.filter((ms) => nowMs - ms < DEMAND_MS).length;
    const { min = WAITING_MIN, max = Number.POSITIVE_INFINITY } = spec.prestart?.waiting ?? {};
    return Math.min(Math.max(min, lately), max, this.#options.size);
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
      const isKept = !isShort && nowMs - kind.askedMs < IDLE_MS;
      if (!isKept) this.#kinds.delete(key);
      void this.#empty(kind, isKept ? this.#wanted(kind, nowMs) : 0);
    }
  }

  #refillLater(delayMs = REFILL_DELAY_MS): void {
    if (this.#closed || this.#refill) return;
    this.#refill = this.#clock.after(delayMs, () => {
      this.#refill = undefined;
      this.#makeNext();
    });
  }

  #makeNext(): void {
    if (this.#hasNewKind) this.#options.remember?.([...this.#kinds.values()].map(({ spec }) => spec));
    this.#hasNewKind = false;
    if (this.#isMemoryShort()) return;
    const nowMs = this.#clock.monotonic();
    // The kind asked for last comes first.
    const kind = [...this.#kinds.values()].reverse().find((each) => this.#lacks(each, nowMs));
    if (!kind) return;
    if (this.#making.size > 0 && (this.#making.size >= MAKING_MAX || kind.waiting.length > 0)) return;
    const isQuiet = this.#idleProcessors() >= IDLE_MIN;
    this.#busySinceMs = isQuiet || this.#making.size > 0 ? undefined : (this.#busySinceMs ?? nowMs);
    const isDue = nowMs - (this.#busySinceMs ?? nowMs) >= BUSY_MS_MAX;
    if (isQuiet || isDue) this.#begin(kind, isQuiet);
    // Another one, or this one in a quieter moment.
    this.#refillLater(isQuiet ? REFILL_DELAY_MS : BUSY_LOOK_MS);
  }

  #begin(kind: Kind<T>, isQuiet: boolean): void {
    this.#busySinceMs = undefined;
    const making = this.#make(kind, isQuiet).finally(() => {
      this.#making.delete(making);
      if (!this.#closed) this.#makeNext();
    });
    this.#making.add(making);
  }

  #lacks(kind: Kind<T>, nowMs: number): boolean {
    const coming = [...kind.making].filter(({ isClaimed }) => !isClaimed).length;
    return kind.waiting.length + coming < this.#wanted(kind, nowMs) && nowMs - kind.failedMs >= FAILED_MS;
  }

  async #make(kind: Kind<T>, isQuiet: boolean): Promise<void> {
    const begunMs = this.#clock.monotonic();
    const generation = this.#generation;
    let making: Making<T> | undefined;
    try {
      making = { prestarting: this.#options.begin(kind.spec), begunMs, generation, isQuiet, isClaimed: false };
      kind.making.add(making);
      const made = await making.prestarting.waits;
      kind.making.delete(making);
      if (making.isClaimed) return;
      if (isQuiet) kind.usualMs = (kind.usualMs + this.#clock.monotonic() - begunMs) / 2;
      await this.#keep(kind, made, generation);
    } catch {
      // Cold starts do without; what is wrong shows when they start their own.
      kind.failedMs = this.#clock.monotonic();
      if (making) kind.making.delete(making);
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
    making: new Set(),
    usualMs: MAKING_MS_USUAL,
    takenMs: [],
    askedMs: 0,
    failedMs: Number.NEGATIVE_INFINITY,
  };
}

function isMemoryShort(): boolean {
  return process.availableMemory() < totalmem() * AVAILABLE_SHARE_MIN;
}

function isSoonMade<T>({ isClaimed, isQuiet, begunMs }: Making<T>, { askedMs, usualMs }: Kind<T>): boolean {
  const share = (askedMs - begunMs) / usualMs;
  return !isClaimed && isQuiet && share >= CLAIM_SHARE_MIN && share <= CLAIM_SHARE_MAX;
}
