import type { MappingRun } from '../mapping-run.ts';

/** What SQS gives a queue that says nothing else. */
const HIDDEN_MS_DEFAULT = 30_000;
/** How long an answer is believed: a queue's attributes change rarely. */
const KNOWN_MS = 60_000;

/** How long what a queue handed out stays hidden; asked for only when something did not go well. */
export class HiddenTime {
  readonly #run: MappingRun;
  #asked: { readonly atMs: number; readonly ms: Promise<number> } | undefined;

  constructor(run: MappingRun) {
    this.#run = run;
  }

  /** Never rejects. */
  ms(): Promise<number> {
    const { clock, connection, signal } = this.#run;
    const atMs = clock.monotonic();
    if (this.#asked === undefined || atMs - this.#asked.atMs > KNOWN_MS) {
      const asked = connection.hiddenMs?.(signal) ?? Promise.resolve(HIDDEN_MS_DEFAULT);
      this.#asked = { atMs, ms: asked.catch(() => HIDDEN_MS_DEFAULT) };
    }
    return this.#asked.ms;
  }
}
