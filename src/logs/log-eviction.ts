import type { Group, Stream } from './log-catalogue.ts';
import type { Segment } from './log-segment.ts';

/** A stream written so lately is taken to belong to a living environment. */
const ACTIVE_MS = 60_000;

/**
 * All that may go for want of room, in the order in which it should: streams that nobody writes, those written longest ago
 * first; then of the others the oldest finished parts; then whole streams. The parts being written stay to the last, and
 * that of the stream written last always.
 */
export function* victims(groups: Iterable<Group>, now: number): Generator<{ stream: Stream; segments: Segment[] }> {
  const streams = [...groups].flatMap((group) => [...group.streams.values()]);
  const busy: Stream[] = [];
  for (const stream of byLastWrite(streams)) {
    const isIdle =
      stream.lastIngestionAt < now - ACTIVE_MS && stream.pending.length === 0 && stream.writing === undefined;
    if (isIdle) yield { stream, segments: stream.segments };
    else busy.push(stream);
  }
  const finished = busy.flatMap((stream) => {
    return stream.segments.filter((segment) => segment !== stream.current).map((segment) => ({ stream, segment }));
  });
  finished.sort((a, b) => a.segment.firstAt - b.segment.firstAt);
  for (const { stream, segment } of finished) yield { stream, segments: [segment] };
  for (const stream of byLastWrite(busy).slice(0, -1)) yield { stream, segments: stream.segments };
}

function byLastWrite(streams: readonly Stream[]): Stream[] {
  return [...streams].sort((a, b) => a.lastIngestionAt - b.lastIngestionAt);
}
