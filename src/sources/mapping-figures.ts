/** What mappings count (lambda-facts 8.7): numbers of events where MetricsConfig asks for them, and the iterator age of streams. */
import { DurationHistogram } from '../base/duration-histogram.ts';
import type { MetricFamily } from '../base/metric-family.ts';
import type { MappingBody } from './mapping-record.ts';
import type { MappingCounter } from './mapping-run.ts';
import { isStream } from './source-traits.ts';

/** Mappings with series of their own; what comes beyond them is one sum, named `other`. */
const MAPPINGS_NAMED_MAX = 200;
const OTHER = 'other';

const AGE_ENDS_S = [0.1, 0.5, 1, 5, 15, 60, 300, 3600, 86_400];

/** Figures of one mapping. */
export class MappingFigures {
  readonly uuid: string;
  readonly counts = new Map<MappingCounter, number>();
  readonly age = new DurationHistogram(AGE_ENDS_S);

  constructor(uuid: string) {
    this.uuid = uuid;
  }

  count(counter: MappingCounter, records: number): void {
    this.counts.set(counter, (this.counts.get(counter) ?? 0) + records);
  }
}

export class AllMappingFigures {
  readonly #named = new Map<string, MappingFigures>();
  readonly #other = new MappingFigures(OTHER);

  of(uuid: string): MappingFigures {
    const known = this.#named.get(uuid);
    if (known !== undefined) return known;
    if (this.#named.size >= MAPPINGS_NAMED_MAX) return this.#other;
    const made = new MappingFigures(uuid);
    this.#named.set(uuid, made);
    return made;
  }

  forget(uuid: string): void {
    this.#named.delete(uuid);
  }

  families(): readonly MetricFamily[] {
    const all = [...this.#named.values(), this.#other];
    return [
      {
        name: 'lambdad_event_source_events_total',
        help: 'Events of mappings whose MetricsConfig has EventCount, by what became of them.',
        type: 'counter',
        samples: all.flatMap(({ uuid, counts }) =>
          [...counts].map(([metric, value]) => ({ labels: { mapping: uuid, metric }, value })),
        ),
      },
      {
        name: 'lambdad_event_source_iterator_age_seconds',
        help: 'IteratorAge: from the arrival of the last record of a batch in its stream until it is sent to the function.',
        type: 'histogram',
        samples: all.flatMap(({ uuid, age }) => (age.count === 0 ? [] : age.samples({ mapping: uuid }))),
      },
    ];
  }
}

/** Whether the mapping asked for its events to be counted. */
export function countsEvents({ settings }: Pick<MappingBody, 'settings'>): boolean {
  return settings.MetricsConfig?.Metrics?.includes('EventCount') === true;
}

export function hasIteratorAge({ source }: Pick<MappingBody, 'source'>): boolean {
  return isStream(source.kind);
}
