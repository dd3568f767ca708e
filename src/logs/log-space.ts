/** What all logs together take on disk, and what goes when that is too much or too old. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { diskBytes, type LogCatalogue, type Stream } from './log-catalogue.ts';
import { victims } from './log-eviction.ts';
import { encodeName, nameFile } from './log-file-name.ts';
import { expired } from './log-retention.ts';
import type { Segment } from './log-segment.ts';

const STREAMS_MAX = 50_000;
/** Making room makes this much of it, so that it is not done for every line. */
const ROOM_KEPT = 0.95;
/** How many files one step of dropping expired events removes; writing waits no longer. */
const SWEPT_FILES_MAX = 200;

export interface LogSpaceParts {
  readonly catalogue: LogCatalogue;
  readonly bytesMax: number;
  readonly onTrouble: (message: string) => void;
}

export class LogSpace {
  readonly #parts: LogSpaceParts;
  #bytes = 0;
  /** Streams that have files. */
  #streams = 0;

  constructor(parts: LogSpaceParts) {
    this.#parts = parts;
  }

  /** Counts what earlier processes left. */
  count(): void {
    for (const group of this.#parts.catalogue.all()) {
      for (const stream of group.streams.values()) {
        if (stream.segments.length > 0) this.#streams += 1;
        for (const segment of stream.segments) this.#bytes += diskBytes(segment);
      }
    }
  }

  /** A segment was written to and takes so many bytes more on disk; it becomes the stream's if it is new. */
  grown(stream: Stream, segment: Segment, bytes: number): void {
    if (!stream.segments.includes(segment)) {
      if (stream.segments.length === 0) this.#streams += 1;
      stream.segments.push(segment);
    }
    this.#bytes += bytes;
  }

  /** Takes segments off their stream and the count; a stream that nobody made goes with its last event. */
  forget(stream: Stream, segments: readonly Segment[]): void {
    if (segments.length === 0) return;
    for (const segment of segments) this.#bytes -= diskBytes(segment);
    stream.segments = stream.segments.filter((segment) => !segments.includes(segment));
    if (stream.current && segments.includes(stream.current)) stream.current = undefined;
    stream.firstEventAt = stream.segments[0]?.firstAt ?? stream.pending[0]?.firstAt ?? Number.POSITIVE_INFINITY;
    if (stream.segments.length > 0) return;
    this.#streams -= 1;
    if (stream.pending.length === 0 && !stream.isDeclared) stream.group.streams.delete(stream.name);
  }

  /** Removes the oldest until the rest is within the bounds. */
  async makeRoom(nowMs: number): Promise<void> {
    const { catalogue, bytesMax } = this.#parts;
    if (this.#bytes <= bytesMax && this.#streams <= STREAMS_MAX) return;
    for (const { stream, segments } of victims(catalogue.all(), nowMs)) {
      if (this.#bytes <= bytesMax * ROOM_KEPT && this.#streams <= STREAMS_MAX * ROOM_KEPT) return;
      await this.#remove(stream, segments);
    }
  }

  /** Removes some of what is expired; true when there may be more. */
  async sweep(nowMs: number): Promise<boolean> {
    let removed = 0;
    for (const { stream, segments } of expired(this.#parts.catalogue.all(), nowMs, SWEPT_FILES_MAX)) {
      removed += segments.length;
      await this.#remove(stream, segments);
    }
    return removed === SWEPT_FILES_MAX;
  }

  async #remove(stream: Stream, segments: readonly Segment[]): Promise<void> {
    const paths = segments.map((segment) => segment.path);
    this.forget(stream, segments);
    if (stream.segments.length === 0 && !stream.isDeclared)
      paths.push(join(stream.group.directory, nameFile(encodeName(stream.name))));
    for (const path of paths) {
      await rm(path, { force: true }).catch((error: Error) => this.#parts.onTrouble(`${path}: ${error.message}`));
    }
  }
}
