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

/** What groups of version 2 can hold a sandbox to; all controllers share one directory. */

export function memoryControl(directory: string): MemoryControl {
  return {
    limit: (memoryBytes) => {
      writeFileSync(join(directory, 'memory.max'), String(memoryBytes));
      write(join(directory, 'memory.swap.max'), '0');
      // One process for whom memory is wanting takes the others along: what is left of a function without one of its
      // processes is of no use. The launcher's own are spared where they may say so of themselves (root).
      if (process.getuid?.() === 0) write(join(directory, 'memory.oom.group'), '1');
    },
    peakBytes: () => Number(read(join(directory, 'memory.peak')) || read(join(directory, 'memory.current'))),
    // The kernel resets it for the holder of an open file only.
    resetPeak: () => undefined,
    oomKills: () => counter(read(join(directory, 'memory.events')), 'oom_kill'),
  };
}

export function cpuControl(directory: string): CpuControl {
  const limit = join(directory, 'cpu.max');
  return {
    weigh: (weight) => writeFileSync(join(directory, 'cpu.weight'), String(weight)),
    allow: (processors) =>
      writeFileSync(limit, `${processors === undefined ? 'max' : quotaUs(processors)} ${CPU_PERIOD_US}`),
  };
}

export function tasksControl(directory: string): TasksControl {
  return { limit: (tasks) => writeFileSync(join(directory, 'pids.max'), String(tasks)) };
}

export function freezerControl(directory: string): FreezerControl {
  const state = join(directory, 'cgroup.freeze');
  return { freeze: () => writeFileSync(state, '1'), thaw: () => writeFileSync(state, '0') };
}
