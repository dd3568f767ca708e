/**
 * The figures of all functions. The first of them have series with their names; what comes beyond is one sum, named
 * `other`, so that the number of time series is bounded.
 */
import type { MetricFamily } from '../base/metric-family.ts';
import type { ItemOwner } from '../store/event-queue.ts';
import { FunctionMetrics, functionFamilies } from './function-metrics.ts';

/** Functions with series of their own: about 25 each, 60 where everything is used. */
const FUNCTIONS_NAMED_MAX = 200;
const OTHER = 'other';

/** Environments of one function, as they stand. */
export interface EnvironmentCount {
  readonly account: string;
  readonly region: string;
  readonly functionName: string;
  readonly idle: number;
  readonly busy: number;
  readonly provisioned: number;
}

export class InvokeMetrics {
  readonly #named = new Map<string, FunctionMetrics>();
  readonly #other = new FunctionMetrics({ account: OTHER, region: OTHER, function: OTHER });

  /** The same object for the same function until it is forgotten. Only for functions that are there. */
  of(account: string, region: string, functionName: string): FunctionMetrics {
    const name = `${account}/${region}/${functionName}`;
    const known = this.#named.get(name);
    if (known) return known;
    if (this.#named.size >= FUNCTIONS_NAMED_MAX) return this.#other;
    const made = new FunctionMetrics({ account, region, function: functionName });
    this.#named.set(name, made);
    return made;
  }

  /** For a function that may be gone: it gets no name again. */
  find({ account, region, functionName }: ItemOwner): FunctionMetrics {
    return this.#named.get(`${account}/${region}/${functionName}`) ?? this.#other;
  }

  /** A deleted function leaves its name to another. */
  forget(account: string, region: string, functionName: string): void {
    this.#named.delete(`${account}/${region}/${functionName}`);
  }

  families(environments: readonly EnvironmentCount[]): readonly MetricFamily[] {
    const all = [...this.#named.values(), this.#other];
    return [...functionFamilies(all), ...this.#environmentFamilies(environments)];
  }

  #environmentFamilies(counts: readonly EnvironmentCount[]): readonly MetricFamily[] {
    const sums = new Map<FunctionMetrics, { idle: number; busy: number; provisioned: number }>();
    for (const { account, region, functionName, idle, busy, provisioned } of counts) {
      const one = this.#named.get(`${account}/${region}/${functionName}`) ?? this.#other;
      const sum = sums.get(one) ?? { idle: 0, busy: 0, provisioned: 0 };
      sums.set(one, sum);
      sum.idle += idle;
      sum.busy += busy;
      sum.provisioned += provisioned;
    }
    const all = [...sums];
    return [
      {
        name: 'lambdad_environments',
        help: 'Execution environments, idle and busy.',
        type: 'gauge',
        samples: all.flatMap(([{ labels }, { idle, busy }]) => [
          { labels: { ...labels, state: 'idle' }, value: idle },
          { labels: { ...labels, state: 'busy' }, value: busy },
        ]),
      },
      {
        name: 'lambdad_provisioned_environments',
        help: 'Execution environments that provisioned concurrency holds ready, busy ones too.',
        type: 'gauge',
        samples: all.map(([{ labels }, { provisioned }]) => ({ labels, value: provisioned })),
      },
      {
        name: 'lambdad_provisioned_concurrency_utilization_ratio',
        help: 'Busy part of the environments that provisioned concurrency holds ready.',
        type: 'gauge',
        samples: all
          .filter(([, { provisioned }]) => provisioned > 0)
          .map(([{ labels, concurrentProvisioned }, { provisioned }]) => ({
            labels,
            value: concurrentProvisioned / provisioned,
          })),
      },
    ];
  }
}
