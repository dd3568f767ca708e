import type { Controller } from './cgroup-places.ts';

/** What holds sandboxes to their measures here, and what stands in for what this machine lacks; for people. */

const HELD: Record<Controller, string> = {
  memory: 'memory',
  cpu: 'processors',
  pids: 'processes',
  freezer: 'freezing',
};
const INSTEAD: Record<Controller, string> = {
  memory: 'memory watched, not limited',
  cpu: 'processors not shared by memory',
  pids: 'processes limited by rlimit',
  freezer: 'stopped by signals, not frozen',
};

export function describeMeasures(versions: Readonly<Partial<Record<Controller, 1 | 2>>>): string {
  const controllers = Object.keys(HELD) as Controller[];
  const by = ([1, 2] as const).flatMap((version) => {
    const held = controllers.filter((controller) => versions[controller] === version);
    return held.length === 0 ? [] : `${held.map((controller) => HELD[controller]).join(', ')} by cgroup v${version}`;
  });
  const lacking = controllers.filter((controller) => versions[controller] === undefined);
  return [...by, ...lacking.map((controller) => INSTEAD[controller])].join('; ');
}
