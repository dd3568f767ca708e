import type { MappingRun } from '../mapping-run.ts';
import type { SourceRecord } from '../source-port.ts';

const ATTEMPTS_MAX = 5;
const AGAIN_MS = 200;
/** Messages that wait to be deleted; who brings more waits until there are less. */
const WAITING_MAX = 20_000;

/** Deletes what was delivered beside the lanes, so that they can read on. What cannot be deleted comes again. */
export class Deletions {
  readonly #run: MappingRun;
  readonly #running = new Set<Promise<void>>();
  #waiting = 0;

  constructor(run: MappingRun) {
    this.#run = run;
  }

  /** Resolves soon, while the service keeps up. */
  async add(records: readonly SourceRecord[]): Promise<void> {
    if (records.length === 0) return;
    this.#waiting += records.length;
    const running = this.#delete(records).finally(() => {
      this.#waiting -= records.length;
      this.#running.delete(running);
    });
    this.#running.add(running);
    // A queue in order hands out no more of a group until this is done: its lane has nothing better to do.
    if (this.#waiting > WAITING_MAX || records[0]?.orderKey !== undefined) await running;
  }

  async done(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #delete(records: readonly SourceRecord[]): Promise<void> {
    let left = records;
    for (let attempt = 1; ; attempt++) {
      const before = left.length;
      left = await this.#run.connection.acknowledge(left).catch(() => left);
      this.#run.count('DeletedEventCount', before - left.length);
      if (left.length === 0) return;
      if (attempt === ATTEMPTS_MAX) break;
      await new Promise<void>((resolve) => void this.#run.clock.after(AGAIN_MS * 2 ** attempt, resolve));
    }
    this.#run.note('messages that were delivered could not be deleted from the queue, and will be delivered again');
  }
}
