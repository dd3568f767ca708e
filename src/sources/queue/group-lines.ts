import type { SourceRecord } from '../source-port.ts';

/** Groups that wait for a message that failed; the one that waits longest is forgotten for another. */
const BLOCKS_MAX = 20_000;

/** Messages that nobody may work on before one that failed: hidden until that one is shown again. */
export interface SetAside {
  readonly records: readonly SourceRecord[];
  /** Monotonic milliseconds. */
  readonly untilMs: number;
}

/**
 * The message groups of a FIFO queue (lambda-facts 8.3), for all lanes of a mapping. What was read of a group stands in
 * a line in the order it came: of each line one batch is at work, and behind a message that failed nothing is delivered
 * until that one came again or its visibility timeout is over, whatever the queue hands out meanwhile. Messages without
 * a group stand in no line.
 */
export class GroupLines {
  readonly #lines = new Map<string, SourceRecord[]>();
  readonly #blocks = new Map<string, { readonly id: string; readonly untilMs: number }>();
  #change = Promise.withResolvers<void>();

  /** Resolves when a batch has ended the next time, or after `wake`. */
  get change(): Promise<void> {
    return this.#change.promise;
  }

  wake(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  /** Takes in what one read brought, in order; gives back what may not be delivered now. */
  join(records: readonly SourceRecord[], nowMs: number): readonly SetAside[] {
    const aside: SetAside[] = [];
    for (const record of records) {
      const { orderKey, id } = record;
      if (orderKey === undefined) continue;
      const block = this.#blocks.get(orderKey);
      if (block !== undefined && block.id !== id && nowMs < block.untilMs) {
        aside.push({ records: [record], untilMs: block.untilMs });
        continue;
      }
      this.#blocks.delete(orderKey);
      const line = this.#lines.get(orderKey);
      if (line === undefined) this.#lines.set(orderKey, [record]);
      else line.push(record);
    }
    return aside;
  }

  /** Whether it is still to be delivered: nothing before it failed since it was read. */
  stands(record: SourceRecord): boolean {
    return record.orderKey === undefined || this.#lines.get(record.orderKey)?.includes(record) === true;
  }

  /** Whether everything before it is done with, or part of the same batch. */
  isNext(record: SourceRecord, batch: readonly SourceRecord[]): boolean {
    if (record.orderKey === undefined) return true;
    const line = this.#lines.get(record.orderKey) ?? [];
    const before = line[line.indexOf(record) - 1];
    return before === undefined || batch.includes(before);
  }

  /** To be called when a batch has ended, whatever came of it; gives back what stood behind its failures. */
  ended(batch: readonly SourceRecord[], failed: ReadonlySet<string>, untilMs: number): readonly SetAside[] {
    const aside: SetAside[] = [];
    for (const [group, records] of Map.groupBy(batch, ({ orderKey }) => orderKey)) {
      const line = group === undefined ? undefined : this.#lines.get(group);
      if (group === undefined || line === undefined) continue;
      const first = records.find(({ id }) => failed.has(id));
      const end = first === undefined ? line.length : line.indexOf(first);
      const behind = line.slice(end).filter((record) => !records.includes(record));
      const left = line.filter((record) => !records.includes(record) && !behind.includes(record));
      if (left.length > 0) this.#lines.set(group, left);
      else this.#lines.delete(group);
      if (first !== undefined) this.#block(group, first.id, untilMs);
      if (behind.length > 0) aside.push({ records: behind, untilMs });
    }
    this.wake();
    return aside;
  }

  #block(group: string, id: string, untilMs: number): void {
    this.#blocks.delete(group);
    this.#blocks.set(group, { id, untilMs });
    if (this.#blocks.size <= BLOCKS_MAX) return;
    const [oldest] = this.#blocks.keys();
    if (oldest !== undefined) this.#blocks.delete(oldest);
  }
}
