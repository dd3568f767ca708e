/** Lets so many in at a time; the others wait in the order in which they came. */
export class ReadGate {
  readonly #most: number;
  readonly #waiting = new Set<() => void>();
  #inside = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Somebody waits: who is inside had better be quick. */
  get isCrowded(): boolean {
    return this.#waiting.size > 0;
  }

  /** Resolves inside. Rejects, still outside, when the signal is aborted. */
  async enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#inside < this.#most) {
      this.#inside++;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const giveUp = () => {
      this.#waiting.delete(resolve);
      reject(signal.reason as Error);
    };
    this.#waiting.add(resolve);
    signal.addEventListener('abort', giveUp, { once: true });
    await promise.finally(() => signal.removeEventListener('abort', giveUp));
  }

  leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#inside--;
      return;
    }
    // The place goes to who waited longest.
    this.#waiting.delete(next);
    next();
  }
}
