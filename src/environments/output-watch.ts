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
  #marked = -1;

  /** A sandbox may hand out the same pipe for its next process: the sink of the one before is replaced. */
  connect(stream: Readable | undefined, sink: (chunk: Buffer) => void): void {
    if (!stream) return;
    stream.removeAllListeners('data').on('data', (chunk: Buffer) => {
      this.#count++;
      sink(chunk);
    });
    if (stream.listenerCount('error') === 0) stream.on('error', () => undefined);
  }

  get count(): number {
    return this.#count;
  }

  /** What comes from now on belongs together. */
  mark(): void {
    this.#marked = this.#count;
  }

  /** Nothing has come since mark(). */
  get isSilent(): boolean {
    return this.#count === this.#marked;
  }

  /**
   * Resolves when what was written before has come: output and requests come through different descriptors. What was
   * written before a request is there when the request is, and read in the same turn of the loop: where nothing has come by
   * the end of it, there is nothing. Where something has, more of it may not have been read: the loop must look once more
   * without finding any.
   */
  drain(): Promise<void> {
    return new Promise((resolve) => {
      if (draining.length === 0) setImmediate(lookAgain);
      draining.push({ watch: this, resolve, before: -1, turns: 0 });
    });
  }
}

interface Draining {
  readonly watch: OutputWatch;
  readonly resolve: () => void;
  /** How much had come at the last turn. */
  before: number;
  turns: number;
}

/** Of all environments: they share the turns of the loop. */
let draining: Draining[] = [];

function lookAgain(): void {
  const all = draining;
  draining = [];
  for (const one of all) {
    const { count } = one.watch;
    if (one.before === count || (one.turns === 0 && one.watch.isSilent) || one.turns >= DRAIN_TURNS_MAX) one.resolve();
    else {
      one.before = count;
      one.turns++;
      draining.push(one);
    }
  }
  if (draining.length > 0) setImmediate(lookAgain);
}
