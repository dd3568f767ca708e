import { deliverBatch, type Item, type ShardAtWork } from './batch-attempts.ts';
import { recordBytesMax } from './batch-event.ts';
import { Bell } from './bell.ts';
import type { OpenWindow } from './checkpoint.ts';

/**
 * One line of records that are delivered one batch after the other. A batch goes out when it is full, or when the batching
 * window is over, which begins with the end of the batch before. Records of two tumbling windows are never in one
 * batch; a window ends when a record of a later one comes, or when the shard was read to its end after the window's.
 */
export class Lane {
  readonly #shard: ShardAtWork;
  readonly #batchSize: number;
  readonly #batchingMs: number;
  readonly #tumblingMs: number;
  readonly #bell: Bell;
  readonly #queue: Item[] = [];
  #window: OpenWindow | undefined;
  #isEnded = false;
  #readUntilMs = 0;
  #lastEndMs: number;
  #dueMs: number | undefined;

  /** `window`: one that was open when the checkpoint was written. */
  constructor(shard: ShardAtWork, window: OpenWindow | undefined) {
    const { settings } = shard.run.mapping;
    this.#shard = shard;
    this.#batchSize = settings.BatchSize ?? 1;
    this.#batchingMs = (settings.MaximumBatchingWindowInSeconds ?? 0) * 1000;
    this.#tumblingMs = (settings.TumblingWindowInSeconds ?? 0) * 1000;
    this.#bell = new Bell(shard.bells);
    this.#window = window;
    this.#lastEndMs = shard.run.clock.now();
  }

  push(item: Item): void {
    this.#queue.push(item);
    this.#bell.ring();
  }

  /** Everything that arrived before this time (epoch milliseconds) has been pushed. */
  readUntil(ms: number): void {
    this.#readUntilMs = ms;
    if (this.#window !== undefined) this.#bell.ring();
  }

  /** Nothing will be pushed any more. */
  end(): void {
    this.#isEnded = true;
    this.#bell.ring();
  }

  /** Resolves with true when everything is done, and with false when the run ended first. */
  async run(): Promise<boolean> {
    const { bells } = this.#shard;
    while (!bells.isEnding) {
      if (this.#isWindowOver()) {
        if (!(await this.#endWindow(false))) return false;
      } else if (this.#queue.length === 0) {
        if (this.#isEnded) return true;
        await this.#bell.wait();
      } else {
        this.#openWindow();
        const waitMs = this.#waitMs();
        if (waitMs > 0) await this.#bell.wait(waitMs);
        else if (!(await this.#deliver())) return false;
      }
    }
    return false;
  }

  async #deliver(): Promise<boolean> {
    const items = this.#take();
    this.#shard.taken(items);
    const end = await deliverBatch(this.#shard, { items, window: this.#window });
    this.#window = end.window;
    this.#lastEndMs = this.#shard.run.clock.now();
    if (end.isLeft) return false;
    return end.carried.length === 0 || this.#endWindow(true, end.carried);
  }

  async #endWindow(isTerminatedEarly: boolean, carried: readonly Item[] = []): Promise<boolean> {
    const last = { items: [], window: this.#window, isFinal: true, isTerminatedEarly, carried };
    const end = await deliverBatch(this.#shard, last);
    this.#window = end.window;
    return !end.isLeft;
  }

  /** How long the batch may still grow. */
  #waitMs(): number {
    const now = this.#shard.run.clock.now();
    // Windows follow one another without a gap; one that ends without a record is no event.
    const over = Math.max(1, Math.ceil((now - this.#lastEndMs) / this.#batchingMs));
    this.#dueMs ??= this.#batchingMs === 0 ? now : this.#lastEndMs + over * this.#batchingMs;
    return this.#isEnded || this.#fitting() < this.#queue.length || this.#queue.length >= this.#batchSize
      ? 0
      : this.#dueMs - now;
  }

  #take(): readonly Item[] {
    this.#dueMs = undefined;
    return this.#queue.splice(0, this.#fitting());
  }

  /** Records at the front that can go together: at least one. */
  #fitting(): number {
    const bytesMax = recordBytesMax(this.#window);
    const countMax = Math.min(this.#queue.length, this.#batchSize);
    let bytes = 0;
    for (let count = 0; count < countMax; count++) {
      const { record } = this.#queue[count] as Item;
      bytes += record.eventBytes + 1;
      const isApart = bytes > bytesMax || (this.#window !== undefined && record.arrivedMs >= this.#window.endMs);
      if (count > 0 && isApart) return count;
    }
    return countMax;
  }

  /** The window of the record in front. One that comes late belongs to the window that is open. */
  #openWindow(): void {
    if (this.#tumblingMs === 0 || this.#window !== undefined) return;
    const { arrivedMs } = (this.#queue[0] as Item).record;
    const startMs = arrivedMs - (arrivedMs % this.#tumblingMs);
    this.#window = { startMs, endMs: startMs + this.#tumblingMs, state: '{}' };
  }

  #isWindowOver(): boolean {
    if (this.#window === undefined) return false;
    const [next] = this.#queue;
    if (next !== undefined) return next.record.arrivedMs >= this.#window.endMs;
    return this.#isEnded || this.#readUntilMs >= this.#window.endMs;
  }
}
