import { NeighbourRefusal } from '../neighbours/neighbours.ts';
import type { PartitionReader, ReadAnswer, ReadPosition, ReadRequest, SourceRecord } from '../sources/source-port.ts';
import { streamTrouble } from './stream-trouble.ts';

export interface IteratedPage {
  readonly records: readonly SourceRecord[];
  /** Absent at the end of a closed shard. */
  readonly next: string | undefined;
  readonly behindMs?: number | undefined;
}

/** The two calls by which both services are read. They reject as `ask` does. */
export interface ShardCalls {
  readonly streamArn: string;
  iterator(position: ReadPosition, signal: AbortSignal): Promise<string>;
  page(iterator: string, recordsMax: number, signal: AbortSignal): Promise<IteratedPage>;
}

/** Reads a shard by iterators. They expire after some minutes: then a new one is made behind the record read last. */
export class IteratedReader implements PartitionReader {
  readonly #calls: ShardCalls;
  #position: ReadPosition;
  #iterator: string | undefined;

  constructor(calls: ShardCalls, position: ReadPosition) {
    this.#calls = calls;
    this.#position = position;
  }

  async read(request: ReadRequest): Promise<ReadAnswer> {
    try {
      return await this.#read(request);
    } catch (error) {
      const isExpired = error instanceof NeighbourRefusal && /^ExpiredIterator/.test(error.code);
      if (!isExpired) throw streamTrouble(error, this.#calls.streamArn);
      this.#iterator = undefined;
    }
    try {
      return await this.#read(request);
    } catch (error) {
      throw streamTrouble(error, this.#calls.streamArn);
    }
  }

  async #read({ recordsMax, signal }: ReadRequest): Promise<ReadAnswer> {
    this.#iterator ??= await this.#calls.iterator(this.#position, signal);
    const { records, next, behindMs } = await this.#calls.page(this.#iterator, recordsMax, signal);
    const last = records.at(-1);
    if (last !== undefined) this.#position = { type: 'AFTER', id: last.id };
    this.#iterator = next;
    return { records, isEnd: next === undefined, ...(behindMs === undefined ? {} : { behindMs }) };
  }
}
