/** What a server holds of the machine, while other servers run beside it. */
import { readdirSync, readFileSync } from 'node:fs';

export interface SoakHoldings {
  readonly rssMb: number;
  readonly descriptors: number;
  /** Children of the server and theirs, functions included. */
  readonly processes: number;
  readonly mounts: number;
  readonly controlGroups: number;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // A process may end while it is looked at.
    return '';
  }
}

/** All processes below `pid`. */
function descendants(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(/^PPid:\s+(\d+)/m.exec(textOf(`/proc/${name}/status`))?.[1] ?? -1);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const found: number[] = [];
  for (let next = children.get(pid) ?? []; next.length > 0; next = next.flatMap((each) => children.get(each) ?? []))
    found.push(...next);
  return found;
}

/** The first part of the names of a server's control groups, which end with the data folder's identity. */
function groupPrefix(pids: readonly number[]): string | undefined {
  for (const pid of pids) {
    const found = /\/(lambdad-[^/-]+-)/.exec(textOf(`/proc/${pid}/cgroup`))?.[1];
    if (found !== undefined) return found;
  }
  return undefined;
}

function directoriesNamed(prefix: string, folder = '/sys/fs/cgroup', depth = 0): number {
  if (depth > GROUP_DEPTH_MAX) return 0;
  let count = 0;
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (!entry.isDirectory()) continue;
      count += Number(entry.name.startsWith(prefix)) + directoriesNamed(prefix, `${folder}/${entry.name}`, depth + 1);
    }
  } catch {
    // Groups go while they are looked at.
  }
  return count;
}

const GROUP_DEPTH_MAX = 5;

export function holdingsOf(pid: number, dataDir: string, rssBytes: number): SoakHoldings {
  const pids = descendants(pid);
  const prefix = groupPrefix(pids);
  const mounts = textOf('/proc/self/mounts').split('\n');
  return {
    rssMb: rssBytes / 1e6,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    processes: pids.length,
    mounts: mounts.filter((line) => line.includes(dataDir)).length,
    controlGroups: prefix === undefined ? 0 : directoriesNamed(prefix),
  };
}
