/** Durations by class, as Prometheus wants them. Adding one allocates nothing. */
import type { Sample } from './metric-family.ts';

export class DurationHistogram {
  readonly #ends: readonly number[];
  readonly #endsMs: readonly number[];
  readonly #counts: number[];
  #sumMs = 0;
  #count = 0;

  /** `endsS`: the upper ends of the classes in seconds, rising; the last class has none. */
  constructor(endsS: readonly number[]) {
    this.#ends = endsS;
    this.#endsMs = endsS.map((seconds) => seconds * 1000);
    this.#counts = Array.from({ length: endsS.length + 1 }, () => 0);
  }

  get count(): number {
    return this.#count;
  }

  add(durationMs: number): void {
    const ends = this.#endsMs;
    let at = 0;
    while (at < ends.length && durationMs > (ends[at] as number)) at++;
    (this.#counts[at] as number)++;
    this.#sumMs += durationMs;
    this.#count++;
  }

  /** In seconds. */
  samples(labels: Readonly<Record<string, string>>): readonly Sample[] {
    let sum = 0;
    const buckets = this.#counts.map((count, at) => {
      sum += count;
      return { suffix: '_bucket', labels: { ...labels, le: String(this.#ends[at] ?? '+Inf') }, value: sum };
    });
    return [
      ...buckets,
      { suffix: '_sum', labels, value: this.#sumMs / 1000 },
      { suffix: '_count', labels, value: this.#count },
    ];
  }
}
