import { execFile } from 'node:child_process';
import { type ForeignWall, foreignWallRemedy } from '../base/foreign-walls.ts';
import { natRemedy } from '../base/nat-remedy.ts';
import { findNetworkHelper } from '../base/network-helper.ts';
import type { Environment } from './command.ts';
import { type Finding, lack, note, ok } from './finding.ts';

const PROBE_MS_MAX = 5000;

/** One line of what the launcher's `network probe` prints. */
interface Line {
  readonly blocked?: ForeignWall;
  readonly ready?: boolean;
  /** With `ready`: the machine forwards packets already. */
  readonly forwards?: boolean;
  readonly error?: string;
  readonly step?: string;
  readonly errno?: number;
}

/** How functions get out here, by trying it: root's address translation in network namespaces that nobody else is in. */
export async function examineNetwork(launcher: string, isRoot: boolean, env: Environment): Promise<Finding[]> {
  if (isRoot) return translationFindings(await runProbe(launcher));
  const found = findNetworkHelper(env['PATH']);
  if ('path' in found) return [ok('network', 'outbound', `functions get out by ${found.kind}, ${found.path}`)];
  const without = `${found.reason}: functions share this machine's network, or have none with --network none`;
  return [lack('network', 'outbound', without, found.commands)];
}

/** What the lines tell. */
export function translationFindings(lines: readonly Line[]): Finding[] {
  const ready = lines.find((line) => line.ready);
  if (!ready) {
    const failed = lines.find((line) => line.error !== undefined);
    const { error = 'the launcher gave no answer', step = 'probe', errno = 0 } = failed ?? {};
    const { reason, commands } = natRemedy({ message: error, step, errno });
    return [lack('network', 'outbound', reason, commands)];
  }
  const how = ready.forwards
    ? 'functions get out by address translation'
    : 'functions get out by address translation; while a server runs, interfaces forward for them alone';
  const walls = lines.flatMap(({ blocked }) => (blocked ? [foreignWallRemedy(blocked)] : []));
  return [
    ok('network', 'outbound', how),
    ...walls.map(({ reason, commands }) => note('network', 'firewall', reason, commands)),
  ];
}

function runProbe(launcher: string): Promise<Line[]> {
  return new Promise((resolve) => {
    const options = { timeout: PROBE_MS_MAX, killSignal: 'SIGKILL', maxBuffer: 65_536 } as const;
    const child = execFile(launcher, ['network', 'probe'], options, (error, stdout) => {
      try {
        const lines = stdout.split('\n').filter((line) => line !== '');
        resolve(lines.map((line) => JSON.parse(line) as Line));
      } catch {
        resolve([{ error: error?.message.split('\n', 1)[0] ?? 'no answer' }]);
      }
    });
    child.stdin?.end();
  });
}
