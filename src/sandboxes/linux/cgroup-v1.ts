import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CPU_PERIOD_US,
  type CpuControl,
  counter,
  type FreezerControl,
  type MemoryControl,
  quotaUs,
  type TasksControl,
} from './cgroup-controls.ts';
import { read, write } from './cgroup-places.ts';

/** What groups of version 1 can hold a sandbox to; each works on the group's directory in its controller's hierarchy. */

/** `cpu.shares` of a group that was not set, which version 2 calls a weight of 100. */
const SHARES_PER_WEIGHT = 10.24;

export function memoryControl(directory: string): MemoryControl {
  const peak = join(directory, 'memory.max_usage_in_bytes');
  return {
    limit: (memoryBytes) => {
      writeFileSync(join(directory, 'memory.limit_in_bytes'), String(memoryBytes));
      // Memory and swap together, where swap is accounted: without it swapping would stretch the limit.
      write(join(directory, 'memory.memsw.limit_in_bytes'), String(memoryBytes));
    },
    peakBytes: () => Number(read(peak)),
    resetPeak: () => void write(peak, '0'),
    oomKills: () => counter(read(join(directory, 'memory.oom_control')), 'oom_kill'),
  };
}

export function cpuControl(directory: string): CpuControl {
  const quota = join(directory, 'cpu.cfs_quota_us');
  return {
    weigh: (weight) => writeFileSync(join(directory, 'cpu.shares'), String(Math.round(weight * SHARES_PER_WEIGHT))),
    allow: (processors) => {
      if (processors === undefined) return writeFileSync(quota, '-1');
      writeFileSync(join(directory, 'cpu.cfs_period_us'), String(CPU_PERIOD_US));
      writeFileSync(quota, String(quotaUs(processors)));
    },
  };
}

export function tasksControl(directory: string): TasksControl {
  return { limit: (tasks) => writeFileSync(join(directory, 'pids.max'), String(tasks)) };
}

/** Processes frozen so do not even die before they are thawed. */
export function freezerControl(directory: string): FreezerControl {
  const state = join(directory, 'freezer.state');
  return { freeze: () => writeFileSync(state, 'FROZEN'), thaw: () => writeFileSync(state, 'THAWED') };
}
