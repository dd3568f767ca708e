import { cpus } from 'node:os';

/** A reading of the machine's processors: which share of their time since the last reading they had nothing to do. */
export function idleProcessors(): () => number {
  let before = read();
  return () => {
    const now = read();
    const { idleMs, allMs } = { idleMs: now.idleMs - before.idleMs, allMs: now.allMs - before.allMs };
    before = now;
    // Where nothing is known of them nothing is in their way.
    return allMs > 0 ? idleMs / allMs : 1;
  };
}

function read(): { readonly idleMs: number; readonly allMs: number } {
  let idleMs = 0;
  let allMs = 0;
  for (const { times } of cpus()) {
    idleMs += times.idle;
    allMs += times.idle + times.user + times.nice + times.sys + times.irq;
  }
  return { idleMs, allMs };
}
