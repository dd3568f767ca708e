/** What may wait for the subscribers of one environment together. */
const ENVIRONMENT_BYTES_MAX = 8 * 1024 * 1024;
/** What may wait for the subscribers of all environments of this server. */
const SERVER_BYTES_MAX = 256 * 1024 * 1024;

/** Counts bytes that are held for slow subscribers, so that no number of them exhausts the server's memory. */
export class BufferBudget {
  readonly #bytesMax: number;
  readonly #outer: BufferBudget | undefined;
  #usedBytes = 0;

  constructor(bytesMax: number, outer?: BufferBudget) {
    this.#bytesMax = bytesMax;
    this.#outer = outer;
  }

  /** False, and nothing is taken, when there is not that much left. */
  take(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.#bytesMax || this.#outer?.take(bytes) === false) return false;
    this.#usedBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes;
    this.#outer?.give(bytes);
  }
}

const serverBudget = new BufferBudget(SERVER_BYTES_MAX);

/** One environment's share of the server's. */
export function environmentBudget(): BufferBudget {
  return new BufferBudget(ENVIRONMENT_BYTES_MAX, serverBudget);
}
