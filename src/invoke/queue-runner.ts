import type { Clock, Timer } from '../base/clock.ts';
import type { EventQueue, ItemOwner, Lane, Line, NewItem } from '../store/event-queue.ts';
import { earlier, type HeldItem, lineName, newLine, type QueueLine } from './queue-line.ts';

/**
 * Works through one lane of the event queue in the background, each owner's line by itself: a few items of it at once to
 * begin with, more while there is a backlog and the machine has processors to spare, fewer when it is told to slow down.
 *
 * Half of all places are for lines that have few running: one owner's flood of slow items leaves room for the others.
 */

/** Of all lines together. */
const RUNNING_MAX = 512;
const SHARED_RUNNING_MAX = 256;
/** Read ahead of their turn, for each line; and of all lines together, beyond which each reads but what it can begin. */
const READ_ITEMS = 64;
const HELD_MAX = 4096;
/** A line that was told to slow down begins nothing for so long, and becomes no wider for longer. */
const SLOW_MS = 200;
const WIDER_AFTER_MS = 5000;
/** How often the widths of lines are looked at while any has a backlog. */
const WIDTH_LOOK_MS = 200;
/** Share of the processors' time that must have been idle for a line to become wider. */
const IDLE_SHARE_MIN = 0.25;
/** After the store failed: until what is to be written is tried again. */
const STORE_RETRY_MS = 1000;

export type Step =
  | { readonly type: 'later'; readonly dueMs: number; readonly detail: unknown; readonly slower?: boolean }
  | { readonly type: 'end'; readonly following: readonly NewItem[] }
  /** Nothing is known of it: it is there at the next start. */
  | { readonly type: 'leave' };

export interface RunnerOptions {
  readonly queue: EventQueue;
  readonly lane: Lane;
  readonly clock: Clock;
  /** Never rejects. */
  readonly work: (held: HeldItem) => Promise<Step>;
  /** Told of what followed from an item, after it was stored. */
  readonly followed: (items: readonly NewItem[]) => void;
  /** How many items of one line run at once to begin with, and at most. */
  readonly lineRunningMin: number;
  readonly lineRunningMax: number;
  /** Idle share of the processors since it was asked last, 0 to 1. */
  readonly idleShare: () => number;
  readonly note: (line: string) => void;
}

export class QueueRunner {
  readonly #options: RunnerOptions;
  readonly #lines = new Map<string, QueueLine>();
  /** Lines that could start an item if there were a place for it, the first first. */
  readonly #starved = new Set<QueueLine>();
  #running = 0;
  #held = 0;
  #started = false;
  #closed = false;
  #widthTimer: Timer | undefined;
  #idle: (() => void) | undefined;
  #troubleNoted = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** Items that wait or run, of one owner. */
  count(owner: ItemOwner): number {
    return this.#lines.get(lineName(owner))?.count ?? 0;
  }

  /** Nothing runs, and nothing that is known to be due waits. */
  get isQuiet(): boolean {
    for (const { running, loading, ready } of this.#lines.values())
      if (running > 0 || loading || ready.length > 0) return false;
    return true;
  }

  /** Begins with what is there. */
  start(lines: readonly Line[]): void {
    this.#started = true;
    for (const found of lines) {
      if (found.lane !== this.#options.lane) continue;
      const line = this.#lineOf(found);
      line.count = found.count;
      line.nextMs = found.dueMs;
      this.#pump(line);
    }
  }

  /** An item was accepted. */
  accepted(owner: ItemOwner, dueMs: number): void {
    const line = this.#lineOf(owner);
    line.count++;
    this.#tell(line, dueMs);
  }

  /** The store has made everything that waits older by so much. */
  advanced(byMs: number): void {
    for (const line of this.#lines.values()) {
      for (const held of line.inHand.values()) held.bornMs -= byMs;
      if (line.nextMs !== undefined) line.nextMs -= byMs;
      if (line.toldMs !== undefined) line.toldMs -= byMs;
      this.#pump(line);
    }
  }

  /** Begins nothing more; resolves when what runs has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#widthTimer?.cancel();
    for (const line of this.#lines.values()) line.timer?.cancel();
    if (this.#running === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
  }

  #lineOf(owner: ItemOwner): QueueLine {
    const name = lineName(owner);
    const known = this.#lines.get(name);
    if (known) return known;
    const line = newLine(owner, this.#options.lineRunningMin);
    this.#lines.set(name, line);
    return line;
  }

  #tell(line: QueueLine, dueMs: number): void {
    if (line.loading) line.toldMs = earlier(line.toldMs, dueMs);
    else line.nextMs = earlier(line.nextMs, dueMs);
    this.#pump(line);
  }

  /** Starts what may start, reads what is due, sees to it that the rest is not forgotten. */
  #pump(line: QueueLine): void {
    if (this.#closed || !this.#started) return;
    const pauseMs = line.slowedMs + SLOW_MS - this.#options.clock.now();
    // A wait for the next look at the widths, which pumps again.
    while (line.ready.length > 0 && line.running < line.runningMax && pauseMs <= 0) {
      if (!this.#hasPlace(line)) {
        this.#starved.add(line);
        break;
      }
      this.#begin(line, line.ready.shift() as HeldItem);
    }
    if (line.ready.length > 0 && (line.running >= line.runningMax || pauseMs > 0)) this.#lookAtWidths();
    if (line.ready.length < line.runningMax) this.#readLater(line);
    if (line.count <= 0 && line.inHand.size === 0 && !line.loading) this.#forget(line);
  }

  #hasPlace(line: QueueLine): boolean {
    if (this.#running < SHARED_RUNNING_MAX) return true;
    return this.#running < RUNNING_MAX && line.running < this.#options.lineRunningMin;
  }

  #forget(line: QueueLine): void {
    line.timer?.cancel();
    this.#starved.delete(line);
    this.#lines.delete(lineName(line.owner));
  }

  #readLater(line: QueueLine): void {
    const { clock } = this.#options;
    if (line.loading || line.nextMs === undefined) return;
    const waitMs = line.nextMs - clock.now();
    if (waitMs <= 0) {
      void this.#read(line);
      return;
    }
    if (line.timer !== undefined && line.timerMs <= line.nextMs) return;
    line.timer?.cancel();
    line.timerMs = line.nextMs;
    line.timer = clock.after(waitMs, () => {
      line.timer = undefined;
      this.#pump(line);
    });
  }

  async #read(line: QueueLine): Promise<void> {
    const { queue, lane, clock } = this.#options;
    line.loading = true;
    try {
      const inHand = new Set(line.inHand.keys());
      const limit = this.#held < HELD_MAX ? READ_ITEMS : this.#options.lineRunningMin;
      const { items, nextMs } = await queue.due(lane, line.owner, clock.now(), limit, inHand);
      this.#held += items.length;
      for (const item of items) {
        const held: HeldItem = { item, bornMs: item.bornMs };
        line.inHand.set(item.id, held);
        line.ready.push(held);
      }
      line.nextMs = earlier(nextMs, line.toldMs);
      if (line.inHand.size === 0 && line.nextMs === undefined) line.count = 0;
    } catch (error) {
      this.#noteTrouble(error);
      line.nextMs = clock.now() + STORE_RETRY_MS;
    } finally {
      line.toldMs = undefined;
      line.loading = false;
    }
    this.#pump(line);
  }

  #begin(line: QueueLine, held: HeldItem): void {
    line.running++;
    this.#running++;
    void this.#carryOut(line, held).finally(() => {
      line.running--;
      this.#running--;
      this.#held--;
      letGo(line, held);
      this.#pump(line);
      this.#feedStarved();
      if (this.#closed && this.#running === 0) this.#idle?.();
    });
  }

  /** Whoever has waited longest for a place is first, and goes to the end with what is left. */
  #feedStarved(): void {
    for (const line of [...this.#starved].slice(0, 2)) {
      this.#starved.delete(line);
      this.#pump(line);
    }
  }

  async #carryOut(line: QueueLine, held: HeldItem): Promise<void> {
    const step = await this.#options.work(held);
    if (step.type === 'leave') return;
    if (step.type === 'later' && step.slower) {
      line.runningMax = Math.max(1, Math.floor(line.running / 2));
      line.slowedMs = this.#options.clock.now();
    }
    // What was done is not done again because its outcome could not be written: the item stays in hand until it is.
    while (!(await this.#write(held, step))) {
      if (this.#closed) return;
      await new Promise<void>((resolve) => this.#options.clock.after(STORE_RETRY_MS, resolve));
    }
    // Out of hand before the line is told, or a reading that passes it over would leave it lying.
    letGo(line, held);
    if (step.type === 'later') this.#tell(line, step.dueMs);
    else {
      line.count--;
      this.#options.followed(step.following);
    }
  }

  async #write({ item }: HeldItem, step: Exclude<Step, { type: 'leave' }>): Promise<boolean> {
    const { queue } = this.#options;
    try {
      if (step.type === 'later') await queue.reschedule(item, step.dueMs, step.detail);
      else await queue.end(item, step.following);
      this.#troubleNoted = false;
      return true;
    } catch (error) {
      this.#noteTrouble(error);
      return false;
    }
  }

  #noteTrouble(error: unknown): void {
    if (this.#troubleNoted || this.#closed) return;
    this.#troubleNoted = true;
    this.#options.note(`asynchronous invokes wait for their store: ${(error as Error).message}`);
  }

  #lookAtWidths(): void {
    if (this.#widthTimer !== undefined) return;
    const { clock, idleShare, lineRunningMax, lineRunningMin } = this.#options;
    idleShare();
    this.#widthTimer = clock.after(WIDTH_LOOK_MS, () => {
      this.#widthTimer = undefined;
      // What cannot be written down is done again after a kill: no more of it than must be.
      const isIdle = idleShare() >= IDLE_SHARE_MIN && !this.#troubleNoted;
      for (const line of this.#lines.values()) {
        const isFull = line.ready.length > 0 && line.running >= line.runningMax;
        if (isFull && isIdle && clock.now() - line.slowedMs > WIDER_AFTER_MS)
          line.runningMax = Math.min(line.runningMax * 2, lineRunningMax);
        else if (isFull && !isIdle && line.runningMax > lineRunningMin)
          line.runningMax = Math.max(lineRunningMin, Math.floor(line.runningMax / 2));
        this.#pump(line);
      }
    });
  }
}

/** Unless it has been read anew since. */
function letGo(line: QueueLine, held: HeldItem): void {
  if (line.inHand.get(held.item.id) === held) line.inHand.delete(held.item.id);
}
