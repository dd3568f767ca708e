import type { QueryConfig } from 'pg';
import { type Deferred, deferred } from '../../base/deferred.ts';
import { StoreFull } from '../../store/metadata.ts';
import { StatementRefused, type Writer } from './writer.ts';

/** Values without an answer; one more is refused. */
const WAITING_MAX = 10_000;

/** What goes into one statement; the first value always does. */
const VALUES_MAX = 256;
const BYTES_MAX = 8_388_608;

interface Waiting<Value> {
  readonly value: Value;
  readonly bytes: number;
  readonly answer: Deferred<void>;
}

/**
 * Gathers values for a statement that takes many of them at once, so that those who wait together share one sync and one
 * way to the database and back.
 */
export class QueueBatch<Value> {
  readonly #writer: Writer;
  readonly #statement: (values: readonly Value[]) => QueryConfig;
  readonly #waiting: Waiting<Value>[] = [];
  #working: Promise<void> | undefined;

  constructor(writer: Writer, statement: (values: readonly Value[]) => QueryConfig) {
    this.#writer = writer;
    this.#statement = statement;
  }

  /** Resolves when the statement was done with this value. Rejects as Writer.run does. */
  async add(value: Value, bytes: number): Promise<void> {
    if (this.#waiting.length >= WAITING_MAX) throw new Error(`${WAITING_MAX} writes to the event queue are waiting`);
    const answer = deferred<void>();
    this.#waiting.push({ value, bytes, answer });
    this.#working ??= this.#drain().finally(() => {
      this.#working = undefined;
    });
    await answer.promise;
  }

  async idle(): Promise<void> {
    await this.#working;
  }

  async #drain(): Promise<void> {
    // What is asked in the same turn of the event loop goes together.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#make(this.#takeGroup());
  }

  #takeGroup(): Waiting<Value>[] {
    let sum = 0;
    let count = 0;
    for (const { bytes } of this.#waiting) {
      sum += bytes;
      if (count > 0 && (count === VALUES_MAX || sum > BYTES_MAX)) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  /** After a refusal that undid all of it, each value once alone: one must not cost the others. */
  async #make(group: readonly Waiting<Value>[]): Promise<void> {
    try {
      await this.#writer.run(this.#statement(group.map(({ value }) => value)));
      for (const { answer } of group) answer.resolve();
    } catch (error) {
      const isUndone = error instanceof StoreFull || error instanceof StatementRefused;
      if (isUndone && group.length > 1) for (const alone of group) await this.#make([alone]);
      else for (const { answer } of group) answer.reject(error as Error);
    }
  }
}
