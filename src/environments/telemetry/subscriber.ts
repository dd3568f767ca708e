import type { Clock, Timer } from '../../base/clock.ts';
import { type Deferred, deferred } from '../../base/deferred.ts';
import type { BufferBudget } from './buffer-budget.ts';
import type { Delivery } from './delivery.ts';
import type { Buffering } from './subscription.ts';

/** What may wait beside the batch that is under way, in batches as large as the subscription allows. */
const WAITING_BATCHES_MAX = 2;
/** A batch that is not taken is offered again, and then dropped. */
const ATTEMPTS_MAX = 6;
const RETRY_FIRST_MS = 100;
/** A subscriber that took the batch and says nothing for so long is not offered it again: it may have read it. */
const ANSWER_MS_MAX = 30_000;

export interface Lost {
  readonly records: number;
  readonly bytes: number;
}

export interface SubscriberParts {
  readonly clock: Clock;
  readonly buffering: Buffering;
  readonly delivery: Delivery;
  readonly budget: BufferBudget;
  /** platform.logsDropped in the subscription's form; undefined where it does not ask for platform events. */
  readonly lostNotice: (lost: Lost) => string | undefined;
  /** Told of every loss at once. */
  readonly lost: (lost: Lost) => void;
}

interface Waiting {
  readonly text: string;
  readonly bytes: number;
  /** Set for a notice: what it tells. */
  readonly tells?: Lost;
}

/**
 * The buffer of one subscription: collects events until there are as many, or as much, or as long as it says, and hands
 * them over batch by batch.
 *
 * AWS documents that it retries with a growing delay and drops what a slow subscriber leaves waiting; how often and how
 * much it does not say. Here: six attempts within about three seconds, and two full batches waiting beside the one under
 * way. What is dropped is told in platform.logsDropped before the next record that gets through. Nothing here throws.
 */
export class Subscriber {
  readonly #parts: SubscriberParts;
  #queue: Waiting[] = [];
  #queueBytes = 0;
  #timer: Timer | undefined;
  /** The oldest that waits has waited long enough. */
  #isDue = false;
  #isSending = false;
  #isClosed = false;
  #isPaused = false;
  #lostRecords = 0;
  #lostBytes = 0;
  #flushed: Deferred<void> | undefined;
  /** Ends what is waited for at the moment: an answer, or the time of the next attempt. */
  #giveUp: (() => void) | undefined;
  /** Gives the subscriber all of its time again for the answer that is waited for. */
  #waitAnew: (() => void) | undefined;

  constructor(parts: SubscriberParts) {
    this.#parts = parts;
  }

  push(text: string): void {
    if (this.#isClosed) return;
    const bytes = Buffer.byteLength(text);
    if (!this.#hasRoom(bytes) || !this.#parts.budget.take(bytes)) {
      this.lose({ records: 1, bytes });
      return;
    }
    this.#tellLost();
    this.#enqueue({ text, bytes });
    this.#advance();
  }

  /** Counts what was dropped before it came here, or here. */
  lose({ records, bytes }: Lost): void {
    this.#lostRecords += records;
    this.#lostBytes += bytes;
    this.#parts.lost({ records, bytes });
  }

  /** Hands over without delay what waits; resolves when nothing does, or the time is over. */
  async flush(withinMs: number): Promise<void> {
    if (this.#isClosed || (this.#queue.length === 0 && !this.#isSending)) return;
    this.#flushed ??= deferred<void>();
    const flushed = this.#flushed;
    const timer = this.#parts.clock.after(withinMs, () => this.#endFlush());
    this.#advance();
    await flushed.promise;
    timer.cancel();
  }

  /** Nothing new is sent, and the answer that is waited for may take its time. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#waitAnew?.();
    this.#advance();
  }

  /** Drops what waits and ends what is under way. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#parts.budget.give(this.#queueBytes);
    this.#queue = [];
    this.#queueBytes = 0;
    this.#giveUp?.();
    this.#parts.delivery.close();
    this.#endFlush();
  }

  #hasRoom(bytes: number): boolean {
    const { maxItems, maxBytes } = this.#parts.buffering;
    if (this.#queue.length === 0) return true;
    const itemsMax = maxItems * WAITING_BATCHES_MAX;
    return this.#queue.length < itemsMax && this.#queueBytes + bytes <= maxBytes * WAITING_BATCHES_MAX;
  }

  #enqueue(waiting: Waiting): void {
    this.#queue.push(waiting);
    this.#queueBytes += waiting.bytes;
    if (this.#isDue) return;
    this.#timer ??= this.#parts.clock.after(this.#parts.buffering.timeoutMs, () => {
      this.#timer = undefined;
      this.#isDue = true;
      this.#advance();
    });
  }

  #tellLost(): void {
    if (this.#lostRecords === 0) return;
    const tells = { records: this.#lostRecords, bytes: this.#lostBytes };
    const text = this.#parts.lostNotice(tells);
    const bytes = Buffer.byteLength(text ?? '');
    if (text !== undefined && !this.#parts.budget.take(bytes)) return;
    this.#lostRecords = 0;
    this.#lostBytes = 0;
    if (text !== undefined) this.#enqueue({ text, bytes, tells });
  }

  #advance(): void {
    if (this.#isSending || this.#isClosed || this.#isPaused) return;
    if (this.#queue.length === 0) {
      this.#endFlush();
      return;
    }
    const { maxItems, maxBytes } = this.#parts.buffering;
    const isFull = this.#queue.length >= maxItems || this.#queueBytes >= maxBytes;
    if (isFull || this.#isDue || this.#flushed) void this.#send();
  }

  async #send(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#isDue = false;
    this.#isSending = true;
    const batch = this.#takeBatch();
    const wasTaken = await this.#deliver(batch.map(({ text }) => text));
    const bytes = batch.reduce((sum, waiting) => sum + waiting.bytes, 0);
    this.#parts.budget.give(bytes);
    this.#isSending = false;
    if (this.#isClosed) return;
    if (wasTaken) this.#tellLost();
    else this.#loseBatch(batch);
    this.#advance();
  }

  /** From the front of the queue, not more than a batch may hold, but at least one. */
  #takeBatch(): readonly Waiting[] {
    const { maxItems, maxBytes } = this.#parts.buffering;
    let items = 0;
    let bytes = 0;
    for (const waiting of this.#queue) {
      if (items > 0 && (items >= maxItems || bytes + waiting.bytes > maxBytes)) break;
      items += 1;
      bytes += waiting.bytes;
    }
    this.#queueBytes -= bytes;
    const batch = this.#queue.splice(0, items);
    // What is left has waited as long as what goes.
    this.#isDue = this.#queue.length > 0;
    return batch;
  }

  /** A lost notice is no loss of its own: what it told is still to be told. */
  #loseBatch(batch: readonly Waiting[]): void {
    let records = 0;
    let bytes = 0;
    for (const waiting of batch) {
      this.#lostRecords += waiting.tells?.records ?? 0;
      this.#lostBytes += waiting.tells?.bytes ?? 0;
      if (waiting.tells) continue;
      records += 1;
      bytes += waiting.bytes;
    }
    if (records > 0) this.lose({ records, bytes });
  }

  async #deliver(events: readonly string[]): Promise<boolean> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      if (attempt > 0) await this.#wait(RETRY_FIRST_MS * 2 ** (attempt - 1));
      if (this.#isClosed) return false;
      const outcome = await this.#attempt(events);
      if (outcome !== 'refused') return outcome === 'taken';
    }
    return false;
  }

  async #attempt(events: readonly string[]): Promise<'taken' | 'refused' | 'unanswered'> {
    const { clock, delivery } = this.#parts;
    const abort = new AbortController();
    let timer: Timer | undefined;
    this.#giveUp = () => abort.abort();
    this.#waitAnew = () => {
      timer?.cancel();
      timer = clock.after(ANSWER_MS_MAX, () => (this.#isPaused ? undefined : abort.abort()));
    };
    this.#waitAnew();
    try {
      await delivery.send(events, abort.signal);
      return 'taken';
    } catch {
      return abort.signal.aborted ? 'unanswered' : 'refused';
    } finally {
      timer?.cancel();
      this.#giveUp = undefined;
      this.#waitAnew = undefined;
    }
  }

  async #wait(ms: number): Promise<void> {
    const over = deferred<void>();
    const timer = this.#parts.clock.after(ms, over.resolve);
    this.#giveUp = over.resolve;
    await over.promise;
    timer.cancel();
    this.#giveUp = undefined;
  }

  #endFlush(): void {
    this.#flushed?.resolve();
    this.#flushed = undefined;
  }
}
