import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock, Timer } from '../base/clock.ts';
import { KeyedMutex } from '../base/mutex.ts';
import { diskBytes, LogCatalogue, type Stream, TIME_SLACK_MS } from './log-catalogue.ts';
import { victims } from './log-eviction.ts';
import { decodeName, encodeName, nameFile, segmentFile } from './log-file-name.ts';
import { readGroup } from './log-read.ts';
import { appendEvents, type Segment, type StoredEvent } from './log-segment.ts';
import type {
  FoundEvent,
  LogGroupKey,
  LogGroupView,
  LogQuery,
  LogStore,
  LogStreamKey,
  LogStreamView,
} from './log-store.ts';

export interface DiskLogStoreParts {
  readonly directory: string;
  /** What all logs together may take on disk; the oldest go first. */
  readonly totalBytesMax: number;
  readonly clock: Clock;
  /** Told in a sentence, now and then, that lines were lost and why. */
  readonly onTrouble: (message: string) => void;
}

/** Lines wait this long in memory before they are written; they can be read at once. */
const WRITE_DELAY_MS = 200;
/** What waits in memory at most, when the disk cannot follow. */
const BUFFER_CHARACTERS_MAX = 32 * 1024 * 1024;
/** More than this is written without waiting. */
const BUFFER_CHARACTERS_HIGH = 2 * 1024 * 1024;
const EVENT_OVERHEAD_CHARACTERS = 64;
/** One write; keeps the time for which making its text holds up everything else short. */
const WRITE_CHARACTERS_MAX = 512 * 1024;
/** How many queries are answered at a time. */
const READ_LANES = 4;
const SEGMENT_BYTES_MAX = 4 * 1024 * 1024;
/** No segment takes a greater part of the whole, so that making room never takes much more than is needed. */
const SEGMENTS_IN_TOTAL = 16;
const STREAMS_MAX = 50_000;
/** Making room makes this much of it, so that it is not done for every line. */
const ROOM_KEPT = 0.95;
const TROUBLE_INTERVAL_MS = 10_000;

/**
 * Logs on disk: a directory per account, region and group, and in it append-only files, one or more per stream.
 *
 * Nothing is synced: a machine that loses power may lose the last lines, as may a killed server. One loop writes, opening
 * one file at a time, so that descriptors do not grow with the number of streams.
 */
export class DiskLogStore implements LogStore {
  readonly #parts: DiskLogStoreParts;
  readonly #catalogue: LogCatalogue;
  readonly #segmentBytesMax: number;
  readonly #dirty = new Set<Stream>();
  readonly #reads = new KeyedMutex();
  #readLane = 0;
  #loaded: Promise<void> | undefined;
  /** Everything that changes files, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #writeTimer: Timer | undefined;
  #bufferedCharacters = 0;
  #totalBytes = 0;
  #streamCount = 0;
  #sequence: number;
  #isWriting = false;
  #isClosed = false;
  #droppedEvents = 0;
  #unsaidDrops = 0;
  #troubleAt = Number.NEGATIVE_INFINITY;

  constructor(parts: DiskLogStoreParts) {
    this.#parts = parts;
    this.#catalogue = new LogCatalogue(parts.directory);
    this.#segmentBytesMax = Math.min(SEGMENT_BYTES_MAX, Math.ceil(parts.totalBytesMax / SEGMENTS_IN_TOTAL));
    // Microseconds: more than one event in each would be needed for a later process to begin below.
    this.#sequence = parts.clock.now() * 1000;
  }

  /** How many events were lost since the start: full disk, disk too slow. */
  get droppedEvents(): number {
    return this.#droppedEvents;
  }

  append(key: LogStreamKey, events: readonly { readonly timestamp: number; readonly message: string }[]): void {
    if (this.#isClosed || events.length === 0) return;
    const now = this.#parts.clock.now();
    const group = this.#catalogue.group(key, now);
    const stream = this.#catalogue.stream(group, key.stream, now);
    for (const { timestamp, message } of events) {
      const characters = message.length + EVENT_OVERHEAD_CHARACTERS;
      if (this.#bufferedCharacters + characters > BUFFER_CHARACTERS_MAX) {
        this.#drop(1, 'the disk is too slow');
        continue;
      }
      this.#bufferedCharacters += characters;
      this.#sequence += 1;
      stream.pending.push({ timestamp, ingestionTime: now, sequence: this.#sequence, message });
      stream.firstEventAt = Math.min(stream.firstEventAt, timestamp);
      stream.lastEventAt = Math.max(stream.lastEventAt, timestamp);
    }
    stream.lastIngestionAt = now;
    this.#dirty.add(stream);
    if (this.#bufferedCharacters > BUFFER_CHARACTERS_HIGH && !this.#isWriting) void this.#writeSoon();
    else this.#writeTimer ??= this.#parts.clock.after(WRITE_DELAY_MS, () => void this.#writeSoon());
  }

  async groups(account: string, region: string): Promise<readonly LogGroupView[]> {
    await this.#load();
    const own = [...this.#catalogue.all()].filter(({ key }) => key.account === account && key.region === region);
    return own.map(({ key, createdAt, streams }) => {
      const storedBytes = [...streams.values()].reduce((sum, stream) => sum + storedBytesOf(stream), 0);
      return { group: key.group, createdAt, storedBytes };
    });
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
      return group && readGroup(group, query);
    });
  }

  async deleteGroup(key: LogGroupKey): Promise<boolean> {
    await this.#load();
    const group = this.#catalogue.find(key);
    if (!group) return false;
    this.#catalogue.remove(group);
    for (const stream of group.streams.values()) {
      this.#dirty.delete(stream);
      this.#bufferedCharacters -= charactersOf(stream.pending);
      stream.pending = [];
    }
    await this.#exclusively(async () => {
      const segments = [...group.streams.values()].flatMap((stream) => stream.segments);
      for (const stream of group.streams.values()) this.#forget(stream, stream.segments);
      if (this.#catalogue.find(key)) {
        // A living environment has begun the group anew in the same directory.
        for (const { path } of segments) await rm(path, { force: true });
        return;
      }
      await rm(group.directory, { recursive: true, force: true });
      await rm(nameFile(group.directory), { force: true });
    });
    return true;
  }

  async flush(): Promise<void> {
    await this.#writeSoon();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.flush();
    this.#writeTimer?.cancel();
    this.#sayTrouble('the server ends');
  }

  /** Reads what earlier processes left, once, when it is first needed. */
  #load(): Promise<void> {
    this.#loaded ??= this.#catalogue.load().then(
      () => this.#count(),
      (error: Error) => {
        this.#parts.onTrouble(`Earlier logs cannot be read: ${error.message}`);
        this.#count();
      },
    );
    return this.#loaded;
  }

  #count(): void {
    for (const group of this.#catalogue.all()) {
      for (const stream of group.streams.values()) {
        if (stream.segments.length > 0) this.#streamCount += 1;
        for (const segment of stream.segments) this.#totalBytes += diskBytes(segment);
      }
    }
  }

  #writeSoon(): Promise<void> {
    this.#writeTimer?.cancel();
    this.#writeTimer = undefined;
    this.#isWriting = true;
    return this.#exclusively(() => this.#writeAll());
  }

  #exclusively(action: () => Promise<void>): Promise<void> {
    const done = this.#work.then(action);
    this.#work = done.catch(() => {});
    return done;
  }

  async #writeAll(): Promise<void> {
    await this.#load();
    this.#isWriting = false;
    for (const stream of [...this.#dirty]) {
      this.#dirty.delete(stream);
      while (stream.pending.length > 0) await this.#write(stream);
    }
    await this.#makeRoom();
  }

  async #write(stream: Stream): Promise<void> {
    const events = takeForOneWrite(stream.pending);
    stream.writing = events;
    try {
      await this.#writeEvents(stream, events);
    } catch (error) {
      this.#drop(events.length, (error as Error).message);
      if (stream.segments.length + stream.pending.length === 0) stream.group.streams.delete(stream.name);
    } finally {
      stream.writing = [];
      this.#bufferedCharacters -= charactersOf(events);
    }
  }

  async #writeEvents(stream: Stream, events: readonly StoredEvent[]): Promise<void> {
    if (stream.group.isDeleted) return;
    await this.#makeDirectory(stream);
    const segment = this.#segmentFor(stream, events);
    const [diskBefore, bytesBefore] = [diskBytes(segment), segment.bytes];
    try {
      await appendEvents(segment, events);
    } catch (error) {
      // A torn line must not get another behind it, and the directory may be what is missing.
      stream.current = undefined;
      stream.group.isMade = false;
      if (bytesBefore === 0) await rm(segment.path, { force: true }).catch(() => {});
      else await truncate(segment.path, bytesBefore).catch(() => {});
      throw error;
    }
    if (!stream.segments.includes(segment)) {
      if (stream.segments.length === 0) this.#streamCount += 1;
      stream.segments.push(segment);
    }
    this.#totalBytes += diskBytes(segment) - diskBefore;
  }

  async #makeDirectory({ group, segments, name }: Stream): Promise<void> {
    if (!group.isMade) {
      await mkdir(group.directory, { recursive: true, mode: 0o700 });
      await keepName(group.directory, group.key.group);
      group.isMade = true;
    }
    if (segments.length === 0) await keepName(join(group.directory, encodeName(name)), name);
  }

  #segmentFor(stream: Stream, events: readonly StoredEvent[]): Segment {
    const { current } = stream;
    const firstAt = events.reduce((least, { timestamp }) => Math.min(least, timestamp), Number.POSITIVE_INFINITY);
    // What is found again after a restart is judged by the time in its file's name.
    if (current && current.bytes < this.#segmentBytesMax && firstAt >= current.firstAt - TIME_SLACK_MS) return current;
    // Never used before, not even by a group of the same name that was deleted.
    this.#sequence += 1;
    const number = this.#sequence;
    const path = join(stream.group.directory, segmentFile({ encodedStream: encodeName(stream.name), number, firstAt }));
    stream.current = { path, number, firstAt, bytes: 0, blocks: [], unread: false };
    return stream.current;
  }

  async #makeRoom(): Promise<void> {
    const { totalBytesMax, clock } = this.#parts;
    if (this.#totalBytes <= totalBytesMax && this.#streamCount <= STREAMS_MAX) return;
    for (const { stream, segments } of victims(this.#catalogue.all(), clock.now())) {
      const isEnough = this.#totalBytes <= totalBytesMax * ROOM_KEPT && this.#streamCount <= STREAMS_MAX * ROOM_KEPT;
      if (isEnough) return;
      const paths = segments.map((segment) => segment.path);
      this.#forget(stream, segments);
      if (stream.segments.length === 0) paths.push(join(stream.group.directory, nameFile(encodeName(stream.name))));
      for (const path of paths) {
        await rm(path, { force: true }).catch((error: Error) => this.#parts.onTrouble(`${path}: ${error.message}`));
      }
    }
  }

  #forget(stream: Stream, segments: readonly Segment[]): void {
    if (segments.length === 0) return;
    for (const segment of segments) this.#totalBytes -= diskBytes(segment);
    stream.segments = stream.segments.filter((segment) => !segments.includes(segment));
    if (stream.current && segments.includes(stream.current)) stream.current = undefined;
    stream.firstEventAt = stream.segments[0]?.firstAt ?? stream.pending[0]?.timestamp ?? Number.POSITIVE_INFINITY;
    if (stream.segments.length > 0) return;
    this.#streamCount -= 1;
    if (stream.pending.length === 0) stream.group.streams.delete(stream.name);
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

/** Writes the name beside a path whose last part is only a digest of it. */
async function keepName(path: string, name: string): Promise<void> {
  const encoded = encodeName(name);
  if (decodeName(encoded) !== undefined) return;
  await writeFile(join(dirname(path), nameFile(encoded)), name, { mode: 0o600 });
}

function takeForOneWrite(pending: StoredEvent[]): readonly StoredEvent[] {
  let characters = 0;
  const end = pending.findIndex((event) => {
    characters += event.message.length + EVENT_OVERHEAD_CHARACTERS;
    return characters > WRITE_CHARACTERS_MAX;
  });
  return pending.splice(0, end < 0 ? pending.length : Math.max(1, end));
}

function charactersOf(events: readonly StoredEvent[]): number {
  return events.reduce((sum, { message }) => sum + message.length + EVENT_OVERHEAD_CHARACTERS, 0);
}

function storedBytesOf(stream: Stream): number {
  return stream.segments.reduce((sum, segment) => sum + segment.bytes, 0);
}

function viewOf(stream: Stream): LogStreamView {
  const { name, createdAt, firstEventAt, lastEventAt, lastIngestionAt } = stream;
  const times = Number.isFinite(firstEventAt) ? { firstEventAt, lastEventAt, lastIngestionAt } : {};
  return { stream: name, createdAt, storedBytes: storedBytesOf(stream), ...times };
}
