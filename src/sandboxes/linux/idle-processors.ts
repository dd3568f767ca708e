import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** A shorter time says nothing: the kernel counts in hundredths of a second. */
const TICKS_MIN = 3;
const STAT = '/proc/stat';
/** Fields of the first line behind its name: user, nice, system, idle, iowait, irq, softirq, steal. */
const IDLE = 3;
const WAITING = 4;
const COUNTED = 8;

/**
 * How many processors have been idle since the last call, on average: those of the machine, whoever keeps them busy. All of
 * them where nobody can tell.
 */
export function idleProcessors(
  read = () => readFileSync(STAT, 'utf8'),
  processors = availableParallelism(),
): () => number {
  let before = ticks(read);
  let latest = processors;
  return () => {
    const now = ticks(read);
    if (!before || !now) return processors;
    const all = now.all - before.all;
    if (all < TICKS_MIN * processors) return latest;
    latest = ((now.idle - before.idle) / all) * processors;
    before = now;
    return latest;
  };
}

function ticks(read: () => string): { readonly idle: number; readonly all: number } | undefined {
  try {
    const text = read();
    const counts = text
      .slice(0, text.indexOf('\n'))
      .trim()
      .split(/\s+/)
      .slice(1, COUNTED + 1)
      .map(Number);
    const all = counts.reduce((sum, count) => sum + count, 0);
    return Number.isFinite(all) && all > 0 ? { idle: (counts[IDLE] ?? 0) + (counts[WAITING] ?? 0), all } : undefined;
  } catch {
    return undefined;
  }
}
