import { constants, existsSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { firstVersionGroup, hasController, secondVersionGroup } from '../base/own-cgroup.ts';
import { type Finding, note, ok } from './finding.ts';

/** What holds functions to their measures here: control groups for memory, processors and processes, a disk for /tmp. */

interface Measure {
  readonly controller: 'memory' | 'cpu' | 'pids' | 'freezer';
  readonly name: string;
  /** What is instead, where nobody lets the server make such groups. */
  readonly otherwise: string;
}

const measures: readonly Measure[] = [
  {
    controller: 'memory',
    name: 'memory limits',
    otherwise: 'the server watches and ends what goes over its MemorySize',
  },
  { controller: 'cpu', name: 'processor shares', otherwise: 'busy functions get equal shares, whatever their memory' },
  { controller: 'pids', name: 'process limits', otherwise: 'by rlimit' },
  { controller: 'freezer', name: 'freezing', otherwise: 'idle functions are stopped by a signal' },
];
const SYSTEM_PATH = ['/usr/sbin', '/sbin', '/usr/local/sbin'];

export async function examineMeasures(): Promise<Finding[]> {
  return Promise.all([...measures.map(examineMeasure), examineTmp()]);
}

async function examineMeasure({ controller, name, otherwise }: Measure): Promise<Finding> {
  const second = secondVersionGroup();
  const first = firstVersionGroup(controller);
  // Freezing is in every group of version 2, whatever controllers it has.
  if (second !== undefined && (controller === 'freezer' || hasController(second, controller)))
    if (await isWritable(second)) return ok('limits', name, `cgroup v2, at ${second}`);
  if (first !== undefined && (await isWritable(first))) return ok('limits', name, `cgroup v1, at ${first}`);
  const why = first === undefined && second === undefined ? 'no cgroups here' : 'no cgroup that is ours to set';
  const scope = 'systemd-run --user --scope -p Delegate=yes lambdad start';
  return note('limits', name, `${why}: ${otherwise}`, existsSync('/run/systemd/system') ? [scope] : []);
}

async function examineTmp(): Promise<Finding> {
  const inMemory = (why: string, mend: string[] = []) =>
    note('limits', '/tmp', `in memory, and counted as the function's: ${why}`, mend);
  if (process.platform !== 'linux') return note('limits', '/tmp', 'a folder without a limit');
  if (process.getuid?.() !== 0) return inMemory('a disk of its own takes root');
  const paths = [...(process.env['PATH'] ?? '').split(delimiter), ...SYSTEM_PATH];
  if (!paths.some((folder) => existsSync(join(folder, 'mkfs.ext4'))))
    return inMemory('mkfs.ext4 is not there', ['sudo apt-get install e2fsprogs']);
  if (!(await isWritable('/dev/loop-control'))) return inMemory('this machine lets us have no loop devices');
  return ok('limits', '/tmp', 'a disk of its own for each function');
}

function isWritable(path: string): Promise<boolean> {
  return access(path, constants.W_OK).then(
    () => true,
    () => false,
  );
}
