import type { Clock } from '../base/clock.ts';
import type { Sandbox } from './sandbox.ts';

/** Memory use is read from the kernel at most this often while all goes well. */
const READ_INTERVAL_MS = 250;
const MEGABYTE = 1_048_576;

/** How much memory one environment was seen to use, for REPORT. */
export class MemoryReading {
  readonly #sandbox: Sandbox;
  readonly #clock: Clock;
  readonly #memoryMb: number;
  #maxMb = 0;
  #readAtMs = Number.NEGATIVE_INFINITY;

  constructor(sandbox: Sandbox, clock: Clock, memoryMb: number) {
    this.#sandbox = sandbox;
    this.#clock = clock;
    this.#memoryMb = memoryMb;
  }

  /** The highest use known since the processes began. */
  get maxMb(): number {
    return this.#maxMb;
  }

  /** As maxMb, read again when that is due or `now`. Never above MemorySize. */
  read(now: boolean): number {
    const timeMs = this.#clock.monotonic();
    if (now || timeMs - this.#readAtMs >= READ_INTERVAL_MS) {
      this.#readAtMs = timeMs;
      this.#maxMb = Math.max(this.#maxMb, Math.round(this.#sandbox.memoryPeakBytes() / MEGABYTE));
    }
    return Math.min(this.#maxMb, this.#memoryMb);
  }

  /** The processes are gone; what they used is still told until begin(). */
  end(): void {
    this.read(true);
    this.#sandbox.resetMemoryPeak();
    this.#readAtMs = Number.NEGATIVE_INFINITY;
  }

  /** New processes begin. */
  begin(): void {
    this.#maxMb = 0;
  }
}
