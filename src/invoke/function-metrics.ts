/** What is counted of one function (lambda-facts 9.4); an invoke costs some additions. */
import { DurationHistogram } from '../base/duration-histogram.ts';
import type { MetricFamily, Sample } from '../base/metric-family.ts';

const DURATIONS_S = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 900] as const;
/** Up to the six hours that an event may wait. */
const AGES_S = [0.01, 0.1, 1, 10, 60, 180, 600, 1800, 3600, 7200, 21_600] as const;

type Labels = Readonly<Record<string, string>>;

/** The figures of one function, or of all that have no name of their own. */
export class FunctionMetrics {
  readonly labels: Labels;
  errors = 0;
  throttles = 0;
  coldStarts = 0;
  provisionedInvocations = 0;
  spilloverInvocations = 0;
  recursionsDropped = 0;
  concurrent = 0;
  concurrentProvisioned = 0;
  eventsReceived = 0;
  eventsDropped = 0;
  deadLetterErrors = 0;
  destinationFailures = 0;
  url4xx = 0;
  url5xx = 0;
  signatureErrors = 0;
  readonly #durations = new DurationHistogram(DURATIONS_S);
  readonly #extensions = new DurationHistogram(DURATIONS_S);
  readonly #eventAges = new DurationHistogram(AGES_S);
  readonly #urlLatencies = new DurationHistogram(DURATIONS_S);

  constructor(labels: Labels) {
    this.labels = labels;
  }

  /** One that ran to its answer. `durationMs`: without the init. */
  ran(durationMs: number, failed: boolean): void {
    if (failed) this.errors++;
    this.#durations.add(durationMs);
  }

  /** Extensions were done so long after the runtime was. */
  extensionsRan(durationMs: number): void {
    this.#extensions.add(durationMs);
  }

  /** An event is given to the function so long after it was accepted. */
  eventTried(ageMs: number): void {
    this.#eventAges.add(ageMs);
  }

  /** A request to a URL of the function. `status`: undefined when its client went away before it had one. */
  urlAnswered(status: number | undefined, latencyMs: number): void {
    this.#urlLatencies.add(latencyMs);
    if (status === undefined || status < 400) return;
    if (status < 500) this.url4xx++;
    else this.url5xx++;
  }

  get invocations(): number {
    return this.#durations.count;
  }

  get durations(): DurationHistogram {
    return this.#durations;
  }

  get extensions(): DurationHistogram {
    return this.#extensions;
  }

  get eventAges(): DurationHistogram {
    return this.#eventAges;
  }

  get urlLatencies(): DurationHistogram {
    return this.#urlLatencies;
  }

  get hasEvents(): boolean {
    return this.eventsReceived + this.eventAges.count + this.eventsDropped + this.#undelivered > 0;
  }

  get hasUrl(): boolean {
    return this.urlLatencies.count > 0;
  }

  get #undelivered(): number {
    return this.deadLetterErrors + this.destinationFailures;
  }
}

type Read = (one: FunctionMetrics) => number;

/** What is told of each; what a function does not use has no series. */
export function functionFamilies(all: readonly FunctionMetrics[]): readonly MetricFamily[] {
  const of = (some: readonly FunctionMetrics[]) => {
    const family = (type: 'counter' | 'gauge', name: string, help: string, read: Read): MetricFamily => ({
      name,
      help,
      type,
      samples: some.map((one): Sample => ({ labels: one.labels, value: read(one) })),
    });
    return {
      counter: (name: string, help: string, read: Read) => family('counter', name, help, read),
      gauge: (name: string, help: string, read: Read) => family('gauge', name, help, read),
      histogram: (name: string, help: string, read: (one: FunctionMetrics) => DurationHistogram): MetricFamily => ({
        name,
        help,
        type: 'histogram',
        samples: some.flatMap((one) => read(one).samples(one.labels)),
      }),
    };
  };
  return [
    ...invokeFamilies(of(all)),
    ...eventFamilies(of(all.filter((one) => one.hasEvents))),
    ...urlFamilies(of(all.filter((one) => one.hasUrl))),
    of(all.filter((one) => one.extensions.count > 0)).histogram(
      'lambdad_post_runtime_extensions_duration_seconds',
      'Time that extensions took after the runtime was done.',
      (one) => one.extensions,
    ),
    of(all.filter((one) => one.signatureErrors > 0)).counter(
      'lambdad_signature_validation_errors_total',
      'Packages deployed that code signing warned of.',
      (one) => one.signatureErrors,
    ),
  ];
}

interface Makers {
  counter(name: string, help: string, read: Read): MetricFamily;
  gauge(name: string, help: string, read: Read): MetricFamily;
  histogram(name: string, help: string, read: (one: FunctionMetrics) => DurationHistogram): MetricFamily;
}

function invokeFamilies({ counter, gauge, histogram }: Makers): readonly MetricFamily[] {
  return [
    counter('lambdad_invocations_total', 'Invokes that ran.', (one) => one.invocations),
    counter('lambdad_errors_total', 'Invokes that ran and failed by the function.', (one) => one.errors),
    counter('lambdad_throttles_total', 'Invokes refused by a limit.', (one) => one.throttles),
    histogram('lambdad_duration_seconds', 'Time that functions took to answer, without init.', (one) => one.durations),
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
  ];
}

function eventFamilies({ counter, histogram }: Makers): readonly MetricFamily[] {
  return [
    counter('lambdad_async_events_received_total', 'Events accepted for the function.', (one) => one.eventsReceived),
    histogram(
      'lambdad_async_event_age_seconds',
      'Time from the acceptance of events to each attempt.',
      (one) => one.eventAges,
    ),
    counter(
      'lambdad_async_events_dropped_total',
      'Events that ended without a success, told to a destination or not.',
      (one) => one.eventsDropped,
    ),
    counter(
      'lambdad_dead_letter_errors_total',
      'Attempts to send an event to the dead-letter queue that failed.',
      (one) => one.deadLetterErrors,
    ),
    counter(
      'lambdad_destination_delivery_failures_total',
      'Attempts to send a record to a destination that failed.',
      (one) => one.destinationFailures,
    ),
  ];
}

function urlFamilies({ counter, histogram }: Makers): readonly MetricFamily[] {
  return [
    counter('lambdad_url_requests_total', 'Requests to function URLs.', (one) => one.urlLatencies.count),
    counter('lambdad_url_4xx_total', 'Requests to function URLs answered with 4xx.', (one) => one.url4xx),
    counter('lambdad_url_5xx_total', 'Requests to function URLs answered with 5xx.', (one) => one.url5xx),
    histogram(
      'lambdad_url_request_latency_seconds',
      'Time from a request to a function URL to the end of its answer.',
      (one) => one.urlLatencies,
    ),
  ];
}
