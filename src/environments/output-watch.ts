import type { Readable } from 'node:stream';

/** A flood of output may keep the pipes full for ever: after this many turns the rest counts as later output. */
const DRAIN_TURNS_MAX = 1000;

/** One turn of the event loop; all who ask within the same turn share it. */
let sharedTurn: Promise<void> | undefined;

export function turn(): Promise<void> {
  sharedTurn ??= new Promise((resolve) => {
    setImmediate(() => {
      sharedTurn = undefined;
      resolve();
    });
  });
  return sharedTurn;
}

/** Where the output of processes goes, and whether all of it has gone there. */
export class OutputWatch {
  #count = 0;

  /** A sandbox may hand out the same pipe for its next process: the sink of the one before is replaced. */
  connect(stream: Readable | undefined, sink: (chunk: Buffer) => void): void {
    if (!stream) return;
    stream.removeAllListeners('data').on('data', (chunk: Buffer) => {
      this.#count++;
      sink(chunk);
    });
    if (stream.listenerCount('error') === 0) stream.on('error', () => undefined);
  }

  /**
   * Resolves when what was written before has come: output and requests come through different descriptors, so the loop
   * must look at all of them once more without finding any.
   */
  async drain(): Promise<void> {
    await turn();
    for (let turns = 0; turns < DRAIN_TURNS_MAX; turns++) {
      const before = this.#count;
      await turn();
      if (this.#count === before) return;
    }
  }
}
