/** What a machine with one server holds, in numbers. */
export interface Holdings {
  readonly processes: number;
  readonly mounts: number;
  readonly controlGroups: number;
  readonly links: number;
  readonly firewallRules: number;
  readonly descriptors: number;
  readonly sockets: number;
  readonly directories: number;
  readonly loopDevices: number;
}

/** Connections of clients and the like come and go. */
const SLACK: Partial<Holdings> = { descriptors: 8, sockets: 12 };

/** What there is more of than before, a line each. */
export function moreThan(before: Holdings, after: Holdings): string[] {
  return (Object.keys(before) as (keyof Holdings)[])
    .filter((name) => after[name] > before[name] + (SLACK[name] ?? 0))
    .map((name) => `${name}: ${before[name]} before, ${after[name]} after`);
}
