import { type EventLines, readLines, type StoredEvent } from './event-lines.ts';
import type { Group, Stream } from './log-catalogue.ts';
import { type Block, readBlock, type Segment } from './log-segment.ts';
import { eventIdOf, type FoundEvent, type LogQuery, timestampOf } from './log-store.ts';

/** What one answer holds at most, whatever was asked for. */
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;

/** How many candidates are gathered before the worse ones are let go. */
const TRIM_EVENTS = 1000;

/** Events that are together in one place, and between which times they lie. */
interface Source {
  readonly stream: string;
  readonly firstAt: number;
  readonly lastAt: number;
  load(): Promise<readonly StoredEvent[]> | readonly StoredEvent[];
}

/**
 * The events of a group that a query asks for. Reads blocks in the order of their times and stops when the rest cannot
 * matter, so that a short answer from a large log costs little.
 */
export async function readGroup(group: Group, query: LogQuery): Promise<readonly FoundEvent[]> {
  const sources = sourcesOf(group, query);
  const ordered = query.backwards
    ? sources.sort((a, b) => b.lastAt - a.lastAt)
    : sources.sort((a, b) => a.firstAt - b.firstAt);
  const matches = matcher(query);
  const answer = new Answer(query);
  for (const source of ordered) {
    if (answer.isWithout(source)) break;
    for (const event of await source.load()) {
      const found = { ...event, stream: source.stream, eventId: eventIdOf(event.timestamp, event.sequence) };
      if (matches(found)) answer.add(found);
    }
  }
  const found = answer.events().map(({ timestamp, message, ingestionTime, stream, eventId }) => {
    return { timestamp, message, ingestionTime, stream, eventId };
  });
  return query.backwards ? found.toReversed() : found;
}

/** The best of what was found so far: the oldest, or the newest when reading backwards. */
class Answer {
  readonly #query: LogQuery;
  readonly #bytesMax: number;
  #events: FoundEvent[] = [];
  #bytes = 0;
  /** The worst event that is still in, once there are enough. */
  #worst: FoundEvent | undefined;
  #untrimmed = 0;

  constructor(query: LogQuery) {
    this.#query = query;
    this.#bytesMax = Math.min(query.bytesMax ?? ANSWER_BYTES_MAX, ANSWER_BYTES_MAX);
  }

  add(event: FoundEvent): void {
    const worst = this.#worst;
    if (worst && this.#order(event, worst) > 0) return;
    this.#events.push(event);
    this.#bytes += Buffer.byteLength(event.message);
    this.#untrimmed += 1;
    const isEnough = this.#events.length >= this.#query.limit || this.#bytes >= this.#bytesMax;
    // Not for every event: sorting is what costs.
    if (isEnough && (!worst || this.#untrimmed >= TRIM_EVENTS || this.#bytes >= 2 * this.#bytesMax)) this.#trim();
  }

  /** True when nothing of a source, nor of those after it, can still get in. */
  isWithout({ firstAt, lastAt }: Source): boolean {
    if (this.#query.limit <= 0) return true;
    const worst = this.#worst;
    if (!worst) return false;
    // With equal times the sequence decides, so only a source that lies wholly beyond is out.
    return this.#query.backwards ? lastAt < worst.timestamp : firstAt > worst.timestamp;
  }

  /** Best first. */
  events(): readonly FoundEvent[] {
    this.#trim();
    return this.#events;
  }

  #trim(): void {
    this.#untrimmed = 0;
    this.#events.sort((a, b) => this.#order(a, b));
    this.#bytes = 0;
    for (const [at, event] of this.#events.entries()) {
      this.#bytes += Buffer.byteLength(event.message);
      if (at + 1 < this.#query.limit && this.#bytes < this.#bytesMax) continue;
      this.#events.length = at + 1;
      this.#worst = event;
      return;
    }
  }

  #order(a: FoundEvent, b: FoundEvent): number {
    const order = a.eventId < b.eventId ? -1 : a.eventId > b.eventId ? 1 : 0;
    return this.#query.backwards ? -order : order;
  }
}

function sourcesOf(group: Group, query: LogQuery): Source[] {
  const from = Math.max(query.startTime ?? 0, query.afterEventId === undefined ? 0 : timestampOf(query.afterEventId));
  const until = query.endTime ?? Number.POSITIVE_INFINITY;
  const before = query.beforeEventId === undefined ? until : timestampOf(query.beforeEventId);
  const isWanted = ({ firstAt, lastAt }: { readonly firstAt: number; readonly lastAt: number }): boolean =>
    lastAt >= from && firstAt < until && firstAt <= before;
  const sources: Source[] = [];
  for (const stream of wantedStreams(group, query)) {
    for (const segment of stream.segments) {
      for (const block of segment.blocks) if (isWanted(block)) sources.push(blockSource(stream, segment, block));
    }
    const { writing, pending } = stream;
    for (const lines of writing ? [writing, ...pending] : pending) sources.push(waitingSource(stream, lines));
  }
  return sources.filter(isWanted);
}

function wantedStreams(group: Group, { streams, streamPrefix }: LogQuery): readonly Stream[] {
  if (streams) return [...new Set(streams)].flatMap((name) => group.streams.get(name) ?? []);
  const all = [...group.streams.values()];
  return streamPrefix === undefined ? all : all.filter((stream) => stream.name.startsWith(streamPrefix));
}

function blockSource(stream: Stream, segment: Segment, block: Block): Source {
  // The block may grow while it waits to be read; what is added then is not part of this answer's past.
  const { offset, bytes, firstAt, lastAt } = block;
  const load = () => readBlock(segment, { offset, bytes, firstAt, lastAt });
  return { stream: stream.name, firstAt, lastAt, load };
}

/** As it is now: what comes later is not part of the answer, and the lines are gone when they have been written. */
function waitingSource(stream: Stream, { data: lines, firstAt, lastAt }: EventLines): Source {
  const data = Buffer.from(lines);
  const load = () => {
    const events: StoredEvent[] = [];
    readLines(data, (event) => events.push(event));
    return events;
  };
  return { stream: stream.name, firstAt, lastAt, load };
}

function matcher(query: LogQuery): (event: FoundEvent) => boolean {
  const from = query.startTime ?? 0;
  const until = query.endTime ?? Number.POSITIVE_INFINITY;
  const { afterEventId, beforeEventId } = query;
  return ({ timestamp, eventId }) =>
    timestamp >= from &&
    timestamp < until &&
    (afterEventId === undefined || eventId > afterEventId) &&
    (beforeEventId === undefined || eventId < beforeEventId);
}
