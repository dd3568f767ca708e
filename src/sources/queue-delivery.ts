import { setMaxListeners } from 'node:events';
import type { MappingRun, SourceDelivery } from './mapping-run.ts';
import { eventOf } from './queue/batch-event.ts';
import { BatchGathering, type Shared } from './queue/batch-gathering.ts';
import { failedIds } from './queue/batch-response.ts';
import { Deletions } from './queue/deletions.ts';
import { GroupLines, type SetAside } from './queue/group-lines.ts';
import { HiddenTime } from './queue/hidden-time.ts';
import { LaneScale, laneLimits } from './queue/lane-scale.ts';
import { SetbackPause } from './queue/setback-pause.ts';
import type { PartitionReader, SourceRecord } from './source-port.ts';

/** A batch that found no slot is tried again until so long before its messages show themselves again. */
const GIVE_UP_MS = 1_000;

/**
 * Delivers what queues hand out (lambda-facts 8.3). So many lanes as there may be batches at a time: each gathers a
 * batch, invokes, and deletes what succeeded. What failed is left alone and shows itself again when the queue says; a
 * batch that found no slot is tried again, with all lanes waiting meanwhile, as long as its messages stay hidden. Message groups go one batch at a time, see GroupLines.
 */
export class QueueDelivery implements SourceDelivery {
  async run(run: MappingRun): Promise<void> {
    const [partition = { id: '', parentIds: [] }] = await run.connection.partitions(run.signal);
    await new QueueRun(run, await run.connection.open(partition)).work();
  }
}

class QueueRun {
  readonly #run: MappingRun;
  readonly #scale: LaneScale;
  readonly #pause: SetbackPause;
  readonly #deletions: Deletions;
  readonly #lines = new GroupLines();
  readonly #hidden: HiddenTime;
  readonly #shared: Shared;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #lanes = new Set<Promise<void>>();
  #busy = 0;
  #isUp = false;
  #trouble: { readonly error: unknown } | undefined;

  constructor(run: MappingRun, reader: PartitionReader) {
    this.#run = run;
    this.#scale = new LaneScale(run.clock, laneLimits(run.mapping.settings));
    this.#signal = AbortSignal.any([run.signal, this.#stop.signal]);
    // Every lane listens.
    setMaxListeners(0, this.#signal);
    this.#pause = new SetbackPause(run.clock, this.#signal);
    this.#deletions = new Deletions(run);
    this.#hidden = new HiddenTime(run);
    this.#signal.addEventListener('abort', () => this.#lines.wake(), { once: true });
    this.#shared = {
      reader,
      signal: this.#signal,
      deletions: this.#deletions,
      lines: this.#lines,
      setAside: (aside) => this.#setAside(aside),
      hidden: this.#hidden,
      ended: (batch, failed, readMs) => this.#ended(batch, failed, readMs),
    };
  }

  /** Resolves when the signal was aborted, rejects with the first lane's trouble; when all lanes are at rest either way. */
  async work(): Promise<void> {
    while (this.#scale.starts()) this.#begin();
    // A lane may begin another while it is waited for.
    while (this.#lanes.size > 0) await Promise.all(this.#lanes);
    await this.#deletions.done();
    if (this.#trouble !== undefined) throw this.#trouble.error;
  }

  #begin(): void {
    const lane = this.#lane()
      .catch((error: unknown) => {
        if (this.#signal.aborted) return;
        this.#trouble = { error };
        this.#stop.abort();
      })
      .finally(() => {
        this.#lanes.delete(lane);
      });
    this.#lanes.add(lane);
  }

  async #lane(): Promise<void> {
    const gathering = new BatchGathering(this.#run, this.#shared);
    let empty = 0;
    try {
      while (!this.#signal.aborted) {
        await this.#pause.over();
        const batch = await gathering.next();
        this.#tellUp();
        if (batch.length > 0) {
          empty = 0;
          await this.#deliver(batch, gathering);
        } else if (gathering.hasSeen) empty = 0;
        else if (this.#scale.shrinks(++empty)) return;
      }
    } finally {
      await this.#showAgain(gathering.takeRest());
    }
  }

  async #deliver(batch: readonly SourceRecord[], { wasFull, readMs }: BatchGathering): Promise<void> {
    // Whoever stops meanwhile need not wait for a function that has not begun.
    if (this.#signal.aborted) return await this.#showAgain(batch);
    this.#busy++;
    if (wasFull && this.#busy >= this.#lanes.size && this.#scale.grows()) this.#begin();
    try {
      await this.#ended(batch, await this.#invoke(batch, readMs), readMs);
    } finally {
      this.#busy--;
    }
  }

  /** Resolves with the ids of what stays in the queue. */
  async #invoke(batch: readonly SourceRecord[], readMs: number): Promise<ReadonlySet<string>> {
    const run = this.#run;
    // Several messages are of several traces.
    const traceHeader = batch.length === 1 ? batch[0]?.traceHeader : undefined;
    const event = eventOf(batch);
    let outcome = await run.invoke(event, { traceHeader });
    while (outcome.type !== 'answered') {
      if (outcome.type === 'unavailable') run.note(outcome.message);
      const isOver = !(await this.#waitForSlot(readMs));
      if (this.#signal.aborted) await this.#showAgain(batch);
      if (isOver || this.#signal.aborted) return new Set(batch.map(({ id }) => id));
      outcome = await run.invoke(event, { traceHeader });
    }
    this.#pause.end();
    run.count('InvokedEventCount', batch.length);
    const failed = failedIds(outcome, batch, run.mapping.settings.FunctionResponseTypes);
    const succeeded = batch.filter(({ id }) => !failed.has(id));
    run.count('FailedInvokeEventCount', batch.length - succeeded.length);
    await this.#deletions.add(succeeded);
    return failed;
  }

  /** False when the messages would show themselves again before or soon after the pause is over. */
  async #waitForSlot(readMs: number): Promise<boolean> {
    if (this.#signal.aborted) return false;
    this.#pause.longer();
    if (this.#pause.endsMs > readMs + (await this.#hidden.ms()) - GIVE_UP_MS) return false;
    await this.#pause.over();
    return true;
  }

  /** Lets the groups of a batch go on, or sets aside what was read of them when a message failed. */
  async #ended(batch: readonly SourceRecord[], failed: ReadonlySet<string>, readMs: number): Promise<void> {
    // Nobody waits for what has no group.
    if (batch.every(({ orderKey }) => orderKey === undefined)) return;
    const untilMs = failed.size === 0 ? 0 : readMs + (await this.#hidden.ms());
    await this.#setAside(this.#lines.ended(batch, failed, untilMs));
  }

  /** Not at once: a queue that does not hold the group back itself would hand them out again and again. */
  async #setAside(aside: readonly SetAside[]): Promise<void> {
    for (const { records, untilMs } of aside)
      await this.#showAgain(records, Math.max(0, untilMs - this.#run.clock.monotonic()));
  }

  /** What nobody will work on is there for others at once; when the queue cannot be told, after its visibility timeout. */
  async #showAgain(records: readonly SourceRecord[], afterMs = 0): Promise<void> {
    if (records.length === 0) return;
    await this.#run.connection.release(records, afterMs).catch((error: Error) => this.#run.note(error.message));
  }

  #tellUp(): void {
    if (this.#isUp) return;
    this.#isUp = true;
    this.#run.opened();
    this.#run.report('OK');
  }
}
