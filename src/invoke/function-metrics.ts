/**
 * What is counted of invokes, by function (lambda-facts 9.4). An invoke costs some additions; everything else happens
 * when somebody asks. The first functions have their names; what comes beyond them is one sum, named `other`, so that
 * the number of time series is bounded.
 */
import type { MetricFamily, Sample } from '../base/metric-family.ts';

/** Functions with series of their own, about 25 each. */
const FUNCTIONS_NAMED_MAX = 200;
const OTHER = 'other';
/** Upper ends of the classes of durations; the last class has none. */
const DURATION_SECONDS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 900] as const;
const DURATIONS_MS = DURATION_SECONDS.map((seconds) => seconds * 1000);

/** The figures of one function, or of all that have no name here. */
export class FunctionMetrics {
  readonly labels: Readonly<Record<string, string>>;
  invocations = 0;
  errors = 0;
  throttles = 0;
  coldStarts = 0;
  provisionedInvocations = 0;
  spilloverInvocations = 0;
  recursionsDropped = 0;
  concurrent = 0;
  concurrentProvisioned = 0;
  durationMs = 0;
  /** As many as classes of durations. */
  readonly durations: number[] = Array.from({ length: DURATIONS_MS.length + 1 }, () => 0);

  constructor(labels: Readonly<Record<string, string>>) {
    this.labels = labels;
  }

  /** One that ran to its answer. `durationMs`: without the init. */
  ran(durationMs: number, failed: boolean): void {
    this.invocations++;
    if (failed) this.errors++;
    this.durationMs += durationMs;
    let at = 0;
    while (at < DURATIONS_MS.length && durationMs > (DURATIONS_MS[at] as number)) at++;
    (this.durations[at] as number)++;
  }
}

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

  /** The same object for the same function until it is forgotten. */
  of(account: string, region: string, functionName: string): FunctionMetrics {
    const name = `${account}/${region}/${functionName}`;
    const known = this.#named.get(name);
    if (known) return known;
    if (this.#named.size >= FUNCTIONS_NAMED_MAX) return this.#other;
    const made = new FunctionMetrics({ account, region, function: functionName });
    this.#named.set(name, made);
    return made;
  }

  /** A deleted function leaves its name to another. */
  forget(account: string, region: string, functionName: string): void {
    this.#named.delete(`${account}/${region}/${functionName}`);
  }

  families(environments: readonly EnvironmentCount[]): readonly MetricFamily[] {
    const all = [...this.#named.values(), this.#other];
    const family = (
      type: 'counter' | 'gauge',
      name: string,
      help: string,
      read: (one: FunctionMetrics) => number,
    ): MetricFamily => ({ name, help, type, samples: all.map((one) => ({ labels: one.labels, value: read(one) })) });
    const counter = family.bind(undefined, 'counter');
    const gauge = family.bind(undefined, 'gauge');
    return [
      counter('lambdad_invocations_total', 'Invokes that ran.', (one) => one.invocations),
      counter('lambdad_errors_total', 'Invokes that ran and failed by the function.', (one) => one.errors),
      counter('lambdad_throttles_total', 'Invokes refused by a limit.', (one) => one.throttles),
      {
        name: 'lambdad_duration_seconds',
        help: 'Time that functions took to answer, without init.',
        type: 'histogram',
        samples: all.flatMap(durationSamples),
      },
      counter('lambdad_cold_starts_total', 'Invokes that waited for an init.', (one) => one.coldStarts),
      counter(
        'lambdad_provisioned_concurrency_invocations_total',
        'Invokes on provisioned concurrency.',
        (one) => one.provisionedInvocations,
      ),
      counter(
        'lambdad_provisioned_concurrency_spillover_invocations_total',
        'Invokes of versions with provisioned concurrency that ran beyond it.',
        (one) => one.spilloverInvocations,
      ),
      counter(
        'lambdad_recursive_invocations_dropped_total',
        'Invokes refused because they went round in a loop.',
        (one) => one.recursionsDropped,
      ),
      gauge('lambdad_concurrent_executions', 'Invokes that run now.', (one) => one.concurrent),
      gauge(
        'lambdad_provisioned_concurrent_executions',
        'Invokes that run now on provisioned concurrency.',
        (one) => one.concurrentProvisioned,
      ),
      ...this.#environmentFamilies(environments),
    ];
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

function durationSamples({ labels, durations, durationMs, invocations }: FunctionMetrics): readonly Sample[] {
  let sum = 0;
  const buckets = durations.map((count, at) => {
    sum += count;
    return { suffix: '_bucket', labels: { ...labels, le: String(DURATION_SECONDS[at] ?? '+Inf') }, value: sum };
  });
  return [
    ...buckets,
    { suffix: '_sum', labels, value: durationMs / 1000 },
    { suffix: '_count', labels, value: invocations },
  ];
}
