/** A delivery in this process that reads a real server, and a function in this process. */
import { systemClock } from '../../src/base/clock.ts';
import { randomIds } from '../../src/base/ids.ts';
import type { DestinationPort } from '../../src/invoke/async-destinations.ts';
import type { MappingBody, MappingSettings } from '../../src/sources/mapping-record.ts';
import type { BatchOutcome, MappingCounter, MappingRun } from '../../src/sources/mapping-run.ts';
import type { Source } from '../../src/sources/source-kind.ts';
import type { SourceAdapter } from '../../src/sources/source-port.ts';
import { StreamDelivery } from '../../src/sources/stream-delivery.ts';
import type { MetadataStore } from '../../src/store/metadata.ts';
import { memoryMetadata } from '../support/memory-metadata.ts';

const WAIT_MS_MAX = 30_000;
export const ROLE = 'arn:aws:iam::123456789012:role/reader';

// biome-ignore lint/suspicious/noExplicitAny: events are JSON, and tests look at all of it
export type StreamEvent = { readonly Records: readonly any[] };
/** What a function answers that could not be invoked. */
export const THROTTLED = Symbol('throttled');
/** Answers, or throws as a function does. */
export type StreamFunction = (event: StreamEvent) => unknown;

export interface AtWorkOptions {
  readonly namespace: { readonly account: string; readonly region: string };
  readonly adapter: SourceAdapter;
  readonly source: Source;
  readonly settings?: MappingSettings;
  readonly metadata?: MetadataStore;
  readonly destinations?: DestinationPort;
  readonly answer?: StreamFunction;
  readonly uuid?: string;
}

export interface AtWork {
  readonly events: StreamEvent[];
  readonly counters: Map<MappingCounter, number>;
  readonly reports: string[];
  /** Resolves when the events are as wanted. */
  until(isThere: () => boolean): Promise<void>;
  /** Resolves with the error the run ended with. */
  readonly ended: Promise<unknown>;
  stop(): Promise<unknown>;
}

const NO_DESTINATIONS: DestinationPort = { isConfigured: () => false, send: async () => {} };

export function atWork(options: AtWorkOptions): AtWork {
  const { metadata = memoryMetadata(), destinations = NO_DESTINATIONS } = options;
  const abort = new AbortController();
  const events: StreamEvent[] = [];
  const counters = new Map<MappingCounter, number>();
  const reports: string[] = [];
  const run = runOf(options, abort.signal, { events, counters, reports });
  const ended = new StreamDelivery({ metadata, destinations }).run(run).then(
    () => undefined,
    (error: unknown) => error,
  );
  return {
    events,
    counters,
    reports,
    ended,
    async until(isThere) {
      for (const giveUpAt = performance.now() + WAIT_MS_MAX; performance.now() < giveUpAt; ) {
        if (isThere()) return;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      throw new Error(`not within ${WAIT_MS_MAX / 1000} s; reports: ${reports.join()}; ${events.length} events`);
    },
    stop() {
      abort.abort();
      return ended;
    },
  };
}

function runOf(
  { namespace, adapter, source, settings = {}, answer = () => null, uuid = randomIds.uuid() }: AtWorkOptions,
  signal: AbortSignal,
  { events, counters, reports }: Pick<AtWork, 'events' | 'counters' | 'reports'>,
): MappingRun {
  const mapping: MappingBody = {
    uuid,
    source,
    functionName: 'f',
    settings: { StartingPosition: 'TRIM_HORIZON', BatchSize: 100, ...settings },
    tags: {},
    enabled: true,
    status: { state: 'Enabled', reason: 'User action', sinceMs: 0 },
  };
  return {
    namespace,
    mapping,
    connection: adapter.connect({ ...namespace, actingAs: { functionName: 'f', roleArn: ROLE } }, source),
    clock: systemClock,
    ids: randomIds,
    signal,
    passes: () => true,
    async invoke(bytes): Promise<BatchOutcome> {
      const event = JSON.parse(Buffer.from(bytes).toString()) as StreamEvent;
      events.push(event);
      const answered = {
        type: 'answered',
        requestId: randomIds.uuid(),
        functionArn: `arn:aws:lambda:${namespace.region}:${namespace.account}:function:f:$LATEST`,
        executedVersion: '$LATEST',
      } as const;
      try {
        const result = (await answer(event)) ?? null;
        if (result === THROTTLED) return { type: 'throttled' };
        return { ...answered, payload: Buffer.from(JSON.stringify(result)) };
      } catch (error) {
        const payload = Buffer.from(JSON.stringify({ errorMessage: (error as Error).message }));
        return { ...answered, functionError: 'Unhandled', payload };
      }
    },
    count: (counter, records) => counters.set(counter, (counters.get(counter) ?? 0) + records),
    age: () => {},
    opened: () => {},
    report: (result) => reports.push(result),
    note: () => {},
  };
}
