import { mkdir, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Timer } from '../base/clock.ts';
import { KeyedMutex } from '../base/mutex.ts';
import { EventLines } from './event-lines.ts';
import { diskBytes, type Group, LogCatalogue, type Stream, TIME_SLACK_MS } from './log-catalogue.ts';
import { encodeName, segmentFile } from './log-file-name.ts';
import { keepName, LogGroups, type LogLimits } from './log-groups.ts';
import { readGroup } from './log-read.ts';
import { expiredBefore } from './log-retention.ts';
import { appendEvents, type Segment } from './log-segment.ts';
import { LogSpace } from './log-space.ts';
import {
  type FoundEvent,
  type LogGroupKey,
  type LogGroupSettings,
  type LogGroupView,
  type LogQuery,
  type LogStore,
  LogStoreUnavailable,
  type LogStreamKey,
  type LogStreamView,
  type NewLogEvent,
} from './log-store.ts';

export interface DiskLogStoreParts {
  readonly directory: string;
  /** What all logs together may take on disk; the oldest go first. */
  readonly totalBytesMax: number;
  readonly clock: Clock;
  /** Told in a sentence, now and then, that lines were lost and why. */
  readonly onTrouble: (message: string) => void;
  /** Other limits than those of log-groups.ts, for tests. */
  readonly limits?: Partial<LogLimits>;
}

/** Lines wait this long in memory before they are written; they can be read at once. */
const WRITE_DELAY_MS = 200;
/** What waits in memory at most, when the disk cannot follow. */
const BUFFER_BYTES_MAX = 32 * 1024 * 1024;
/** More than this is written without waiting. */
const BUFFER_BYTES_HIGH = 2 * 1024 * 1024;
/** How many queries are answered at a time. */
const READ_LANES = 4;
const SEGMENT_BYTES_MAX = 4 * 1024 * 1024;
/** No segment takes a greater part of the whole, so that making room never takes much more than is needed. */
const SEGMENTS_IN_TOTAL = 16;
/** A file holds no more time than this, so that expired events do not stay for the sake of later ones. */
const SEGMENT_SPAN_MS = 86_400_000;
/** How often expired events are dropped. */
const SWEEP_INTERVAL_MS = 15 * 60_000;
const TROUBLE_INTERVAL_MS = 10_000;

/**
 * Logs on disk: a directory per account, region and group, and in it append-only files, one or more per stream.
 *
 * Events are not synced: a machine that loses power may lose the last lines, as may a killed server those that functions
 * wrote just then. One loop writes, opening one file at a time, so that descriptors do not grow with the number of streams.
 *
 * Deliberate difference from AWS: a stream that nobody made goes with its last event.
 */
export class DiskLogStore implements LogStore {
  readonly #parts: DiskLogStoreParts;
  readonly #catalogue: LogCatalogue;
  readonly #space: LogSpace;
  readonly #groups: LogGroups;
  readonly #segmentBytesMax: number;
  readonly #dirty = new Set<Stream>();
  readonly #reads = new KeyedMutex();
  #readLane = 0;
  #loaded: Promise<void> | undefined;
  /** Everything that changes files, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #writeTimer: Timer | undefined;
  #sweepTimer: Timer | undefined;
  #bufferedBytes = 0;
  #sequence: number;
  #isWriting = false;
  #isClosed = false;
  #droppedEvents = 0;
  #unsaidDrops = 0;
  #troubleAt = Number.NEGATIVE_INFINITY;

  constructor(parts: DiskLogStoreParts) {
    this.#parts = parts;
    const catalogue = new LogCatalogue(parts.directory);
    this.#catalogue = catalogue;
    this.#space = new LogSpace({ catalogue, bytesMax: parts.totalBytesMax, onTrouble: parts.onTrouble });
    this.#groups = new LogGroups({
      catalogue,
      space: this.#space,
      limits: parts.limits ?? {},
      nextNumber: () => this.#nextSequence(),
      discard: (stream) => this.#discard(stream),
    });
    this.#segmentBytesMax = Math.min(SEGMENT_BYTES_MAX, Math.ceil(parts.totalBytesMax / SEGMENTS_IN_TOTAL));
    // Microseconds: more than one event in each would be needed for a later process to begin below.
    this.#sequence = parts.clock.now() * 1000;
    this.#sweepLater();
  }

  /** How many events were lost since the start: full disk, disk too slow. */
  get droppedEvents(): number {
    return this.#droppedEvents;
  }

  append(key: LogStreamKey, events: readonly NewLogEvent[]): void {
    if (this.#isClosed || events.length === 0) return;
    const now = this.#parts.clock.now();
    const group = this.#catalogue.group(key, now);
    const stream = this.#catalogue.stream(group, key.stream, now);
    const kept = this.#fitting(events);
    if (kept.length < events.length) this.#drop(events.length - kept.length, 'the disk is too slow');
    if (kept.length > 0) {
      this.#bufferedBytes += waitingLines(stream).add(kept, now, this.#nextSequence(kept.length));
      noteTimes(stream, kept, now);
    }
    this.#dirty.add(stream);
    if (this.#bufferedBytes > BUFFER_BYTES_HIGH && !this.#isWriting) void this.#writeSoon();
    else this.#writeTimer ??= this.#parts.clock.after(WRITE_DELAY_MS, () => void this.#writeSoon());
  }

  put(key: LogStreamKey, events: readonly NewLogEvent[]): Promise<'kept' | 'no group' | 'no stream'> {
    return this.#change(async () => {
      const group = this.#catalogue.find(key);
      if (!group) return 'no group';
      const stream = group.streams.get(key.stream);
      if (!stream) return 'no stream';
      const ingestionTime = this.#parts.clock.now();
      const lines = new EventLines();
      lines.add(events, ingestionTime, this.#nextSequence(events.length));
      await this.#writeEvents(stream, lines);
      noteTimes(stream, events, ingestionTime);
      await this.#space.makeRoom(ingestionTime);
      return 'kept';
    });
  }

  async groups(account: string, region: string): Promise<readonly LogGroupView[]> {
    await this.#load();
    const own = [...this.#catalogue.all()].filter(({ key }) => key.account === account && key.region === region);
    return own.map(groupViewOf);
  }

  async group(key: LogGroupKey): Promise<LogGroupView | undefined> {
    await this.#load();
    const group = this.#catalogue.find(key);
    return group && groupViewOf(group);
  }

  async streams(key: LogGroupKey): Promise<readonly LogStreamView[] | undefined> {
    await this.#load();
    const group = this.#catalogue.find(key);
    return group && [...group.streams.values()].map(viewOf);
  }

  async read(query: LogQuery): Promise<readonly FoundEvent[] | undefined> {
    await this.#load();
    // One lane after the other: as many queries as there are lanes have a file open and an answer in memory.
    this.#readLane = (this.#readLane + 1) % READ_LANES;
    return this.#reads.run(String(this.#readLane), async () => {
      const group = this.#catalogue.find(query);
      if (!group) return undefined;
      const keptFrom = expiredBefore(group.settings, this.#parts.clock.now());
      return readGroup(group, { ...query, startTime: Math.max(query.startTime ?? 0, keptFrom) });
    });
  }

  createGroup(key: LogGroupKey, settings: LogGroupSettings): ReturnType<LogStore['createGroup']> {
    return this.#change(() => this.#groups.create(key, settings, this.#parts.clock.now()));
  }

  changeGroup(
    key: LogGroupKey,
    change: (settings: LogGroupSettings) => LogGroupSettings,
  ): ReturnType<LogStore['changeGroup']> {
    return this.#change(() => this.#groups.change(key, change));
  }

  deleteGroup(key: LogGroupKey): ReturnType<LogStore['deleteGroup']> {
    return this.#change(() => this.#groups.delete(key));
  }

  createStream(key: LogStreamKey): ReturnType<LogStore['createStream']> {
    return this.#change(() => this.#groups.createStream(key, this.#parts.clock.now()));
  }

  deleteStream(key: LogStreamKey): ReturnType<LogStore['deleteStream']> {
    return this.#change(() => this.#groups.deleteStream(key));
  }

  async flush(): Promise<void> {
    await this.#writeSoon();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.flush();
    this.#writeTimer?.cancel();
    this.#sweepTimer?.cancel();
    this.#sayTrouble('the server ends');
  }

  /** Reads what earlier processes left, once, when it is first needed. */
  #load(): Promise<void> {
    this.#loaded ??= this.#catalogue
      .load()
      .catch((error: Error) => this.#parts.onTrouble(`Earlier logs cannot be read: ${error.message}`))
      .then(() => this.#space.count());
    return this.#loaded;
  }

  /** The first of so many. */
  #nextSequence(count = 1): number {
    const first = this.#sequence + 1;
    this.#sequence += count;
    return first;
  }

  /** The first of them, for which there is room. */
  #fitting(events: readonly NewLogEvent[]): readonly NewLogEvent[] {
    let characters = this.#bufferedBytes;
    const end = events.findIndex(({ message }) => {
      characters += message.length;
      return characters > BUFFER_BYTES_MAX;
    });
    return end < 0 ? events : events.slice(0, end);
  }

  #sweepLater(): void {
    this.#sweepTimer = this.#parts.clock.after(SWEEP_INTERVAL_MS, () => {
      void this.#sweep();
      this.#sweepLater();
    });
  }

  /** Step by step, so that writing gets its turns. */
  async #sweep(): Promise<void> {
    for (let isMore = true; isMore && !this.#isClosed; ) {
      isMore = await this.#exclusively(async () => {
        await this.#load();
        return this.#space.sweep(this.#parts.clock.now());
      });
    }
  }

  #discard(stream: Stream): void {
    this.#dirty.delete(stream);
    for (const lines of stream.pending.splice(0)) this.#bufferedBytes -= lines.data.length;
  }

  #writeSoon(): Promise<void> {
    this.#writeTimer?.cancel();
    this.#writeTimer = undefined;
    this.#isWriting = true;
    return this.#exclusively(() => this.#writeAll());
  }

  #exclusively<T>(action: () => Promise<T>): Promise<T> {
    const done = this.#work.then(action);
    this.#work = done.then(
      () => {},
      () => {},
    );
    return done;
  }

  /** A change that a caller waits for. */
  async #change<T>(action: () => Promise<T>): Promise<T> {
    return this.#exclusively(async () => {
      await this.#load();
      try {
        return await action();
      } catch (error) {
        if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
        this.#parts.onTrouble(`A log was not changed: ${(error as Error).message}`);
        throw new LogStoreUnavailable('The logs cannot be written', { cause: error });
      }
    });
  }

  async #writeAll(): Promise<void> {
    await this.#load();
    this.#isWriting = false;
    for (const stream of [...this.#dirty]) {
      this.#dirty.delete(stream);
      while (stream.pending.length > 0) await this.#write(stream);
    }
    await this.#space.makeRoom(this.#parts.clock.now());
  }

  async #write(stream: Stream): Promise<void> {
    const lines = stream.pending.shift();
    if (!lines) return;
    stream.writing = lines;
    try {
      await this.#writeEvents(stream, lines);
    } catch (error) {
      this.#drop(lines.count, (error as Error).message);
      const isEmpty = stream.segments.length + stream.pending.length === 0;
      if (isEmpty && !stream.isDeclared) stream.group.streams.delete(stream.name);
    } finally {
      stream.writing = undefined;
      this.#bufferedBytes -= lines.data.length;
      lines.letGo();
    }
  }

  async #writeEvents(stream: Stream, lines: EventLines): Promise<void> {
    if (stream.group.isDeleted) return;
    await this.#makeDirectory(stream);
    const segment = this.#segmentFor(stream, lines.firstAt);
    const [diskBefore, bytesBefore] = [diskBytes(segment), segment.bytes];
    try {
      await appendEvents(segment, lines);
    } catch (error) {
      // A torn line must not get another behind it, and the directory may be what is missing.
      stream.current = undefined;
      stream.group.isMade = false;
      if (bytesBefore === 0) await rm(segment.path, { force: true }).catch(() => {});
      else await truncate(segment.path, bytesBefore).catch(() => {});
      throw error;
    }
    this.#space.grown(stream, segment, diskBytes(segment) - diskBefore);
  }

  async #makeDirectory({ group, segments, name }: Stream): Promise<void> {
    if (!group.isMade) {
      await mkdir(group.directory, { recursive: true, mode: 0o700 });
      await keepName(group.directory, group.key.group);
      group.isMade = true;
    }
    if (segments.length === 0) await keepName(join(group.directory, encodeName(name)), name);
  }

  #segmentFor(stream: Stream, firstAt: number): Segment {
    const { current } = stream;
    // What is found again after a restart is judged by the time in its file's name.
    const isNear =
      current && firstAt >= current.firstAt - TIME_SLACK_MS && firstAt <= current.firstAt + SEGMENT_SPAN_MS;
    if (isNear && current.bytes < this.#segmentBytesMax) return current;
    // Never used before, not even by a group of the same name that was deleted.
    const number = this.#nextSequence();
    const path = join(stream.group.directory, segmentFile({ encodedStream: encodeName(stream.name), number, firstAt }));
    stream.current = { path, number, firstAt, bytes: 0, blocks: [], unread: false };
    return stream.current;
  }

  #drop(events: number, reason: string): void {
    this.#droppedEvents += events;
    this.#unsaidDrops += events;
    if (this.#parts.clock.monotonic() - this.#troubleAt >= TROUBLE_INTERVAL_MS) this.#sayTrouble(reason);
  }

  #sayTrouble(reason: string): void {
    if (this.#unsaidDrops === 0) return;
    this.#parts.onTrouble(`${this.#unsaidDrops} log lines were lost: ${reason}`);
    this.#unsaidDrops = 0;
    this.#troubleAt = this.#parts.clock.monotonic();
  }
}

function noteTimes(stream: Stream, events: readonly NewLogEvent[], ingestionTime: number): void {
  for (const { timestamp } of events) {
    stream.firstEventAt = Math.min(stream.firstEventAt, timestamp);
    stream.lastEventAt = Math.max(stream.lastEventAt, timestamp);
  }
  stream.lastIngestionAt = ingestionTime;
}

/** Where the stream's next event goes. */
function waitingLines(stream: Stream): EventLines {
  const last = stream.pending.at(-1);
  if (last && !last.isFull) return last;
  const lines = new EventLines();
  stream.pending.push(lines);
  return lines;
}

function storedBytesOf(stream: Stream): number {
  return stream.segments.reduce((sum, segment) => sum + segment.bytes, 0);
}

function groupViewOf({ key, createdAt, settings, streams }: Group): LogGroupView {
  const storedBytes = [...streams.values()].reduce((sum, stream) => sum + storedBytesOf(stream), 0);
  return { group: key.group, createdAt, storedBytes, ...settings };
}

function viewOf(stream: Stream): LogStreamView {
  const { name, createdAt, firstEventAt, lastEventAt, lastIngestionAt } = stream;
  const times = Number.isFinite(firstEventAt) ? { firstEventAt, lastEventAt, lastIngestionAt } : {};
  return { stream: name, createdAt, storedBytes: storedBytesOf(stream), ...times };
}
