/** What a control group can hold a sandbox to, whichever version it is of. All but the readings throw when refused. */

export interface MemoryControl {
  limit(memoryBytes: number): void;
  peakBytes(): number;
  resetPeak(): void;
  /** Processes that the kernel killed for want of memory, since the group was made. */
  oomKills(): number;
}

export interface CpuControl {
  /** How much of busy processors it gets beside others: a whole number, 100 is what an ordinary group has. */
  weigh(weight: number): void;
  /** The most it gets, in processors, even of idle ones; undefined for no such limit. */
  allow(processors: number | undefined): void;
}

export interface TasksControl {
  /** Processes and threads together. */
  limit(tasks: number): void;
}

export interface FreezerControl {
  freeze(): void;
  thaw(): void;
}

/** A shorter period than the kernel's own 100 ms: with 7 % of a processor a function would stand still for 93 of them. */
export const CPU_PERIOD_US = 20_000;
/** The kernel takes no less. */
const QUOTA_US_MIN = 1000;
/** Memory for which AWS gives one processor, and the most it gives (runtime-facts 3). */
const BYTES_PER_PROCESSOR = 1769 * 1_048_576;
const PROCESSORS_MAX = 6;
/**
 * 128 MB and 1024 MB are 64 and 512, in exact proportion. The smallest function has two thirds of what an ordinary group has, so
 * that work of the machine's own does not stop it; the largest does not stop the machine.
 */
const BYTES_PER_WEIGHT = 2 * 1_048_576;
/** Of a sandbox in its init phase, whatever its memory: AWS does not throttle init. */
export const INIT_WEIGHT = 884;

export function quotaUs(processors: number): number {
  return Math.max(Math.round(processors * CPU_PERIOD_US), QUOTA_US_MIN);
}

export function weightOf(memoryBytes: number): number {
  return Math.max(Math.round(memoryBytes / BYTES_PER_WEIGHT), 1);
}

/** AWS's hard share, never more than the machine has. */
export function processorsOf(memoryBytes: number, machine: number): number {
  return Math.min(memoryBytes / BYTES_PER_PROCESSOR, PROCESSORS_MAX, machine);
}

/** One line `name N` of a file of counters; 0 when it is not there. */
export function counter(text: string, name: string): number {
  const match = new RegExp(`^${name} (\\d+)$`, 'm').exec(text);
  return match ? Number(match[1]) : 0;
}
