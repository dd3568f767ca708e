/** Runs actions with the same key one after the other, others at once. Keys nobody waits for cost nothing. */
export class KeyedMutex {
  readonly #tails = new Map<string, Promise<void>>();

  async run<T>(key: string, action: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    const gate = Promise.withResolvers<void>();
    this.#tails.set(key, gate.promise);
    try {
      if (before) await before;
      return await action();
    } finally {
      gate.resolve();
      if (this.#tails.get(key) === gate.promise) this.#tails.delete(key);
    }
  }
}
