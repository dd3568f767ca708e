/** Which events are past their group's retention. */
import type { Group, Stream } from './log-catalogue.ts';
import type { Segment } from './log-segment.ts';
import type { LogGroupSettings } from './log-store.ts';

const DAY_MS = 86_400_000;
/** Groups of this class keep events for one day, whatever is set. */
const DELIVERY_DAYS = 1;

/** How many days a group keeps its events; undefined: without end. */
export function retentionDaysOf({ logClass, retentionDays }: LogGroupSettings): number | undefined {
  return logClass === 'DELIVERY' ? DELIVERY_DAYS : retentionDays;
}

/** Events before this time, epoch ms, are expired; 0 when none ever are. */
export function expiredBefore(settings: LogGroupSettings, nowMs: number): number {
  const days = retentionDaysOf(settings);
  return days === undefined ? 0 : Math.max(0, nowMs - days * DAY_MS);
}

/** Files of which every event is expired, stream by stream, and at most so many of them. */
export function expired(
  groups: Iterable<Group>,
  nowMs: number,
  filesMax: number,
): { stream: Stream; segments: Segment[] }[] {
  const found: { stream: Stream; segments: Segment[] }[] = [];
  let room = filesMax;
  for (const group of groups) {
    const before = expiredBefore(group.settings, nowMs);
    if (before === 0) continue;
    for (const stream of group.streams.values()) {
      if (room <= 0) return found;
      const segments = stream.segments.filter((segment) => lastAtOf(segment) < before).slice(0, room);
      room -= segments.length;
      if (segments.length > 0) found.push({ stream, segments });
    }
  }
  return found;
}

function lastAtOf({ blocks }: Segment): number {
  return blocks.reduce((latest, { lastAt }) => Math.max(latest, lastAt), 0);
}
