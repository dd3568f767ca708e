import type { Clock } from '../base/clock.ts';
import type { Ids } from '../base/ids.ts';
import { ApiError } from '../model/api-error.ts';
import type { Asker } from '../neighbours/neighbours.ts';
import type { Vault } from '../neighbours/vault.ts';
import type { Namespace } from '../store/namespace.ts';
import { type BatchInvokeTools, invokeBatch, roleOf } from './batch-invoke.ts';
import { countsEvents, hasIteratorAge, type MappingFigures } from './mapping-figures.ts';
import { type MappingBody, mappingArn } from './mapping-record.ts';
import type { MappingRun, SourceDelivery } from './mapping-run.ts';
import { pause } from './pause.ts';
import { filterOf, type RecordFilter } from './record-filter.ts';
import { type SourceAdapter, type SourceConnection, SourceTrouble } from './source-port.ts';

export interface WorkerTools extends BatchInvokeTools {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly vault: Vault;
  readonly note: (line: string) => void;
}

export interface WorkerOptions {
  readonly namespace: Namespace;
  readonly mapping: MappingBody;
  readonly adapter: SourceAdapter;
  readonly delivery: SourceDelivery;
  readonly figures: MappingFigures;
  readonly report: (result: string) => void;
}

/** Waits before a run that failed is begun again, doubled each time. */
const AGAIN_MS_MIN = 1_000;
const AGAIN_MS_MAX = 60_000;
/** A run that went on for so long did not fail at once: the waits begin anew. */
const STEADY_MS = 60_000;
/** Different lines that one worker says; the rest would be a flood. */
const NOTES_MAX = 100;

/** Reads one mapping's source, as it was configured at one moment, until it is stopped: whatever fails is tried again. */
export class MappingWorker {
  readonly #tools: WorkerTools;
  readonly #options: WorkerOptions;
  readonly #stop = new AbortController();
  readonly #noted = new Set<string>();
  readonly #up = Promise.withResolvers<void>();
  readonly #ended: Promise<void>;
  /** The last run ended with trouble, and the source has not answered since. */
  #hasTrouble = false;

  constructor(tools: WorkerTools, options: WorkerOptions) {
    this.#tools = tools;
    this.#options = options;
    this.#ended = this.#work();
  }

  /** Resolves when reading has begun, or met its first trouble. */
  get up(): Promise<void> {
    return this.#up.promise;
  }

  /** Resolves when nothing is read and nothing is in hand any more. */
  stop(): Promise<void> {
    this.#stop.abort();
    return this.#ended;
  }

  async #work(): Promise<void> {
    const { clock } = this.#tools;
    const { signal } = this.#stop;
    for (let troubles = 0; !signal.aborted; ) {
      const startedMs = clock.monotonic();
      try {
        await this.#run();
      } catch (error) {
        if (signal.aborted && error instanceof SourceTrouble) break;
        this.#tell(error as Error);
      }
      if (clock.monotonic() - startedMs > STEADY_MS) troubles = 0;
      await pause(clock, Math.min(AGAIN_MS_MIN * 2 ** troubles++, AGAIN_MS_MAX), signal);
    }
    this.#up.resolve();
  }

  async #run(): Promise<void> {
    const { vault } = this.#tools;
    const { namespace, mapping, adapter, delivery } = this.#options;
    const passes = await filterOf(vault, namespace, mapping);
    const roleArn = await roleOf(this.#tools, namespace, mapping);
    if (this.#stop.signal.aborted) return;
    const connection = adapter.connect(askerOf(namespace, mapping, roleArn), mapping.source);
    try {
      await delivery.run(this.#runOn(connection, passes, roleArn));
    } finally {
      connection.close();
    }
  }

  #runOn(connection: SourceConnection, passes: RecordFilter, roleArn: string | undefined): MappingRun {
    const { clock, ids } = this.#tools;
    const { namespace, mapping, figures } = this.#options;
    const isCounted = countsEvents(mapping);
    const hasAge = hasIteratorAge(mapping);
    return {
      namespace,
      mapping,
      ...(roleArn === undefined ? {} : { roleArn }),
      connection,
      clock,
      ids,
      signal: this.#stop.signal,
      passes,
      invoke: (event, { traceHeader } = {}) => invokeBatch(this.#tools, namespace, mapping, event, traceHeader),
      count: (counter, records) => {
        if (isCounted) figures.count(counter, records);
      },
      age: (ms) => {
        if (hasAge) figures.age.add(ms);
      },
      opened: () => this.#opened(),
      report: this.#options.report,
      note: (line) => this.#note(line),
    };
  }

  #opened(): void {
    this.#up.resolve();
    if (!this.#hasTrouble) return;
    this.#hasTrouble = false;
    this.#options.report('OK');
  }

  #tell(error: Error): void {
    this.#hasTrouble = true;
    this.#options.report(`PROBLEM: ${error.message}`);
    const isOurs = !(error instanceof SourceTrouble || error instanceof ApiError);
    this.#note(isOurs ? (error.stack ?? error.message) : error.message);
    this.#up.resolve();
  }

  #note(line: string): void {
    if (this.#noted.has(line) || this.#noted.size >= NOTES_MAX) return;
    this.#noted.add(line);
    const { namespace, mapping } = this.#options;
    this.#tools.note(`${mappingArn(namespace, mapping.uuid)}: ${line}`);
  }
}

function askerOf({ account, region }: Namespace, { functionName }: MappingBody, roleArn: string | undefined): Asker {
  return { account, region, ...(roleArn === undefined ? {} : { actingAs: { functionName, roleArn } }) };
}
