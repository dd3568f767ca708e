import { setMaxListeners } from 'node:events';
import type { DestinationPort } from '../invoke/async-destinations.ts';
import type { MetadataStore } from '../store/metadata.ts';
import type { MappingRun, SourceDelivery } from './mapping-run.ts';
import { type SourcePartition, SourceTrouble } from './source-port.ts';
import { Bell, Bells } from './streams/bell.ts';
import { ShardBook } from './streams/shard-book.ts';
import { ShardReading } from './streams/shard-reading.ts';
import { Slots } from './streams/slots.ts';

export interface StreamTools {
  readonly metadata: MetadataStore;
  /** Takes the records of batches that were given up. */
  readonly destinations: DestinationPort;
}

/** How often the list of shards is asked for; the end of a shard asks for it at once, but not more often than this. */
const DISCOVERY_MS = 10_000;
const DISCOVERY_MS_MIN = 1_000;
const DISCOVERY_TROUBLE_MS_MAX = 60_000;
const RETENTION_MS = 3_600_000;
/** Shards read at once; more wait for one of them to end. */
const SHARDS_MAX = 1_000;

/**
 * Delivers what comes by shards in order: Kinesis and DynamoDB Streams. Shards are discovered again and again; a shard is
 * read when its parents were delivered to their end; how far each has come is in the store (see checkpoint.ts), so
 * that a run goes on where the one before ended, however it ended. Records between the checkpoint and the end come again.
 */
export class StreamDelivery implements SourceDelivery {
  readonly #tools: StreamTools;
  readonly #atWork = new Set<string>();

  constructor(tools: StreamTools) {
    this.#tools = tools;
  }

  async run(run: MappingRun): Promise<void> {
    const { uuid } = run.mapping;
    if (this.#atWork.has(uuid)) throw new Error(`mapping ${uuid} is being read already`);
    this.#atWork.add(uuid);
    try {
      await new StreamRun(this.#tools, run).work();
    } finally {
      this.#atWork.delete(uuid);
    }
  }
}

class StreamRun {
  readonly #tools: StreamTools;
  readonly #run: MappingRun;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  readonly #bells: Bells;
  readonly #slots: Slots;
  readonly #changed: Bell;
  readonly #reading = new Map<string, Promise<void>>();
  #failure: { readonly error: unknown } | undefined;
  #retention: { readonly ms: number | undefined; readonly atMs: number } | undefined;
  #hasProblem = false;
  /** A shard ended since the list was asked for. */
  #hasChanged = false;

  constructor(tools: StreamTools, run: MappingRun) {
    this.#tools = tools;
    this.#run = run;
    this.#signal = AbortSignal.any([run.signal, this.#stop.signal]);
    // Every shard's reader listens.
    setMaxListeners(0, this.#signal);
    this.#bells = new Bells(run.clock, this.#signal);
    this.#slots = new Slots(this.#bells);
    this.#changed = new Bell(this.#bells);
  }

  async work(): Promise<void> {
    const { namespace, mapping } = this.#run;
    const book = await ShardBook.open(this.#tools.metadata, namespace, mapping.uuid, mapping.settings);
    try {
      await this.#discover(book);
    } catch (error) {
      this.#fail(error);
    }
    await Promise.all(this.#reading.values());
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #discover(book: ShardBook): Promise<void> {
    const { connection, clock } = this.#run;
    const isRead = (id: string) => this.#reading.has(id);
    for (let troubles = 0; !this.#bells.isEnding; ) {
      try {
        this.#hasChanged = false;
        const listed = await connection.partitions(this.#signal);
        await this.#askRetention();
        if (this.#hasProblem) this.#run.report('OK');
        this.#hasProblem = false;
        troubles = 0;
        await book.admit(listed, isRead, clock.now());
        for (const partition of book.ready(listed, isRead)) this.#start(book, partition);
        this.#run.opened();
        await this.#bells.pause(DISCOVERY_MS_MIN);
        if (!this.#hasChanged) await this.#changed.wait(DISCOVERY_MS - DISCOVERY_MS_MIN);
      } catch (error) {
        if (this.#bells.isEnding) return;
        if (!isPassing(error)) throw error;
        if (error.kind !== 'busy') {
          this.#hasProblem = true;
          this.#run.report(`PROBLEM: ${error.message}`);
        }
        await this.#bells.pause(Math.min(DISCOVERY_MS_MIN * 2 ** troubles++, DISCOVERY_TROUBLE_MS_MAX));
      }
    }
  }

  /** Records that wait for longer than the stream keeps them are given up. */
  async #askRetention(): Promise<void> {
    const { connection, clock } = this.#run;
    if (connection.retentionMs === undefined) return;
    if (this.#retention !== undefined && clock.now() - this.#retention.atMs < RETENTION_MS) return;
    this.#retention = { ms: await connection.retentionMs(this.#signal), atMs: clock.now() };
  }

  #start(book: ShardBook, partition: SourcePartition): void {
    if (this.#reading.size >= SHARDS_MAX || this.#bells.isEnding) return;
    const reading = new ShardReading({
      run: this.#run,
      bells: this.#bells,
      slots: this.#slots,
      signal: this.#signal,
      abort: () => this.#stop.abort(),
      destinations: this.#tools.destinations,
      book,
      partition,
      retentionMs: () => this.#retention?.ms,
    });
    const work = reading
      .work()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#reading.delete(partition.id);
        this.#hasChanged = true;
        this.#changed.ring();
      });
    this.#reading.set(partition.id, work);
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#stop.abort();
  }
}

function isPassing(error: unknown): error is SourceTrouble {
  return error instanceof SourceTrouble && (error.kind === 'busy' || error.kind === 'unreachable');
}
