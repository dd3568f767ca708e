/** Sees to it that every enabled mapping is read by exactly one worker, as it is configured now. */
import { endpointVariable } from '../base/endpoints.ts';
import type { MetricFamily } from '../base/metric-family.ts';
import { type RecordKey, RevisionConflict } from '../store/metadata.ts';
import { AllMappingFigures } from './mapping-figures.ts';
import { type MappingBody, mappingKey, type StoredMapping } from './mapping-record.ts';
import type { SourceDelivery } from './mapping-run.ts';
import { isPassing, type MappingStatus, PASSING_MS } from './mapping-state.ts';
import { MappingWorker, type WorkerTools } from './mapping-worker.ts';
import type { Source, SourceKind } from './source-kind.ts';
import type { SourceAdapters } from './source-port.ts';
import { userReason } from './source-traits.ts';
import type { SourcesAtWork } from './sources-at-work.ts';

export interface SupervisorTools extends Omit<WorkerTools, 'isClosing'> {
  readonly adapters: SourceAdapters;
  readonly deliveries: Partial<Record<SourceKind, SourceDelivery>>;
}

const SCAN_PAGE_RECORDS = 200;
/** A store that fails (a full disk, say) is tried again after this. */
const AGAIN_MS = 5_000;
/** A mapping is Enabled after this even where its source has not answered yet. */
const UP_MS_MAX = 5_000;

/** What is known of one mapping beside its record. */
class Watched {
  readonly key: RecordKey;
  worker: MappingWorker | undefined;
  result: string | undefined;
  /** The record has changed since it was looked at. */
  isDue = false;
  settling: Promise<void> | undefined;

  constructor(key: RecordKey) {
    this.key = key;
  }
}

/**
 * Works from the records: a change commits a passing state and says `changed`; the supervisor stops or starts the worker
 * and commits where the state has led. So a kill at any moment leaves a record from which the next start goes on.
 */
export class MappingSupervisor implements SourcesAtWork {
  readonly #tools: SupervisorTools;
  readonly #watched = new Map<string, Watched>();
  readonly #figures = new AllMappingFigures();
  /** Ends what waits when the server is to end. */
  readonly #waiting = new Set<() => void>();
  #isClosing = false;

  constructor(tools: SupervisorTools) {
    this.#tools = tools;
  }

  /** Takes up what is in the store. */
  async start(): Promise<void> {
    for (let after: RecordKey | undefined; ; ) {
      const { metadata } = this.#tools;
      const page = (await metadata.scan('event-source-mapping', after, SCAN_PAGE_RECORDS)) as readonly StoredMapping[];
      for (const record of page) this.changed(mappingKey(record, record.id));
      after = page.at(-1);
      if (after === undefined || page.length < SCAN_PAGE_RECORDS) return;
    }
  }

  changed(key: RecordKey): void {
    if (this.#isClosing) return;
    const watched = this.#watched.get(key.id) ?? new Watched(key);
    this.#watched.set(key.id, watched);
    watched.isDue = true;
    watched.settling ??= this.#settle(watched).finally(() => {
      watched.settling = undefined;
    });
  }

  resultOf(uuid: string): string | undefined {
    return this.#watched.get(uuid)?.result;
  }

  families(): readonly MetricFamily[] {
    return this.#figures.families();
  }

  /** Stops reading at once. Resolves when every batch in hand has come to its end, or was cut off with its environment. */
  async close(): Promise<void> {
    this.#isClosing = true;
    for (const wake of [...this.#waiting]) wake();
    const all = [...this.#watched.values()];
    await Promise.all(all.map(async ({ settling, worker }) => Promise.all([worker?.stop(), settling])));
  }

  async #settle(watched: Watched): Promise<void> {
    while (watched.isDue && !this.#isClosing) {
      watched.isDue = false;
      try {
        await this.#reconcile(watched);
      } catch (error) {
        // Tags may have changed meanwhile.
        if (error instanceof RevisionConflict) watched.isDue = true;
        else this.#settleLater(watched, error as Error);
      }
    }
  }

  #settleLater({ key }: Watched, { message }: Error): void {
    this.#tools.note(`event source mapping ${key.id}: ${message}`);
    this.#tools.clock.after(AGAIN_MS, () => this.changed(key));
  }

  async #reconcile(watched: Watched): Promise<void> {
    const { metadata, clock } = this.#tools;
    const { key } = watched;
    const record = (await metadata.get(key)) as StoredMapping | undefined;
    if (record === undefined) return this.#forget(watched);
    const { body, revision: expect } = record;
    const { source, status } = body;
    const obstacle = body.enabled ? this.#obstacle(source) : undefined;
    const isToRun = body.enabled && obstacle === undefined && status.state !== 'Deleting';
    if (isPassing(status)) await this.#wait(status.sinceMs + PASSING_MS - clock.now());
    // A change takes effect between two runs, never within one.
    if (isPassing(status) || !isToRun) await this.#stop(watched);
    if (this.#isClosing) return;
    if (status.state === 'Deleting') {
      const checkpoints = { ...key, kind: 'stream-checkpoint' } as const;
      await metadata.commit([
        { type: 'delete', key, expect },
        { type: 'deletePrefix', key: checkpoints },
      ]);
      return this.#forget(watched);
    }
    if (isToRun) await this.#run(watched, key, body);
    const resting: MappingStatus = {
      state: body.enabled ? 'Enabled' : 'Disabled',
      reason: obstacle ?? userReason(source.kind),
      sinceMs: clock.now(),
    };
    if (resting.state === status.state && resting.reason === status.reason) return;
    await metadata.commit([{ type: 'put', key, body: { ...body, status: resting }, expect }]);
  }

  async #run(watched: Watched, namespace: RecordKey, mapping: MappingBody): Promise<void> {
    const { adapters, deliveries } = this.#tools;
    const { kind } = mapping.source;
    const [adapter, delivery] = [adapters[kind], deliveries[kind]];
    if (watched.worker !== undefined || adapter === undefined || delivery === undefined) return;
    const worker = new MappingWorker(
      { ...this.#tools, isClosing: () => this.#isClosing },
      {
        namespace: { account: namespace.account, region: namespace.region },
        mapping,
        adapter,
        delivery,
        figures: this.#figures.of(mapping.uuid),
        report: (result) => {
          watched.result = result;
        },
      },
    );
    watched.worker = worker;
    await Promise.race([worker.up, this.#wait(UP_MS_MAX)]);
  }

  async #stop(watched: Watched): Promise<void> {
    await watched.worker?.stop();
    watched.worker = undefined;
  }

  async #forget(watched: Watched): Promise<void> {
    await this.#stop(watched);
    this.#watched.delete(watched.key.id);
    this.#figures.forget(watched.key.id);
  }

  /** Why the source cannot be read here. */
  #obstacle({ kind }: Source): string | undefined {
    if (this.#tools.deliveries[kind] === undefined) return `lambdad does not poll ${kind} event sources yet`;
    if (this.#tools.adapters[kind] !== undefined) return undefined;
    const neighbour = kind === 'dynamodb' ? 'dynamodb-streams' : (kind as 'sqs' | 'kinesis');
    return `lambdad polls nothing here: ${endpointVariable(neighbour)} is not set`;
  }

  /** Ends early when the server is to end. */
  #wait(ms: number): Promise<void> {
    // A wall clock that jumped makes nobody wait for long.
    const bounded = Math.min(ms, UP_MS_MAX);
    if (bounded <= 0 || this.#isClosing) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        timer.cancel();
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = this.#tools.clock.after(bounded, wake);
      this.#waiting.add(wake);
    });
  }
}
