import { execFile } from 'node:child_process';
import { constants, existsSync, readFileSync } from 'node:fs';
import { access } from 'node:fs/promises';
import http from 'node:http';
import { release } from 'node:os';
import { join } from 'node:path';
import { assetPath } from '../base/assets.ts';
import { type NamespaceRemedy, namespaceRemedy } from '../base/namespace-remedy.ts';
import { type Finding, lack, note, ok } from './finding.ts';

const PROBE_MS_MAX = 5000;
const HEALTH_MS_MAX = 1000;

/** What the launcher's `probe` prints. */
export interface Probe {
  readonly ok: boolean;
  readonly step?: string;
  readonly message?: string;
  readonly userns?: boolean;
  readonly netns?: boolean;
  readonly pidns?: boolean;
  readonly seccomp?: boolean;
}

/** Which sandbox this machine gives, by trying it. */
export async function examineSandbox(): Promise<Finding[]> {
  if (process.platform !== 'linux')
    return [
      note('sandbox', 'namespaces', `none on ${process.platform}: functions run as plain processes, on loopback only`),
    ];
  const launcher = assetPath(`native/bin/linux-${process.arch}/lambdad-sandbox`);
  const found = [ok('sandbox', 'kernel', `Linux ${release()}`)];
  if (!existsSync(launcher))
    return [
      ...found,
      lack('sandbox', 'launcher', `${launcher} is not there`, withoutSandbox('lambdad has none for it')),
    ];
  const probe = await runProbe(launcher);
  found.push(...namespaceFindings(probe, namespaceRemedy(launcher)), memoryFinding(await memoryControl()));
  if (probe.netns === true)
    found.push(ok('network', 'namespace', 'each function has a network of its own, nothing but its Runtime API in it'));
  return found;
}

/** What the probe tells; `remedy` is looked at when it failed. */
export function namespaceFindings(probe: Probe, remedy: NamespaceRemedy | undefined): Finding[] {
  const seccomp = probe.seccomp
    ? ok('sandbox', 'seccomp', 'system calls are filtered')
    : lack(
        'sandbox',
        'seccomp',
        'this kernel filters no system calls',
        withoutSandbox('CONFIG_SECCOMP_FILTER is missing'),
      );
  if (probe.ok) {
    const who = process.getuid?.() === 0 ? 'as root' : 'as an ordinary user';
    return [ok('sandbox', 'namespaces', `Linux namespaces, ${who}`), seccomp];
  }
  const failed = `${probe.step ?? 'probe'}: ${probe.message ?? 'failed'}`;
  if (remedy) return [lack('sandbox', 'namespaces', `${remedy.reason} (${failed})`, remedy.commands)];
  return [lack('sandbox', 'namespaces', failed, withoutSandbox('no known setting is the cause'))];
}

function withoutSandbox(why: string): string[] {
  return [`lambdad start --sandbox process   # ${why}; functions then run unwalled, on loopback only`];
}

function runProbe(launcher: string): Promise<Probe> {
  return new Promise((resolve) => {
    const options = { timeout: PROBE_MS_MAX, killSignal: 'SIGKILL', maxBuffer: 65_536 } as const;
    const child = execFile(launcher, ['probe'], options, (error, stdout) => {
      try {
        resolve(JSON.parse(stdout));
      } catch {
        resolve({ ok: false, step: 'launcher', message: error?.message.split('\n', 1)[0] ?? 'no answer' });
      }
    });
    child.stdin?.end();
  });
}

interface MemoryControl {
  readonly version: 1 | 2 | undefined;
  /** The cgroup folder in which limits would be set. */
  readonly folder?: string;
  readonly settable: boolean;
}

/** Whether this process may limit the memory of its children, by either version of cgroups. */
async function memoryControl(): Promise<MemoryControl> {
  const own = lines('/proc/self/cgroup').map((line) => line.split(':'));
  const mounts = lines('/proc/self/mounts').map((line) => line.split(' '));
  const v1 = own.find(([, controllers]) => controllers?.split(',').includes('memory'));
  const v1Mount = mounts.find(([, , type, flags]) => type === 'cgroup' && flags?.split(',').includes('memory'));
  if (v1?.[2] !== undefined && v1Mount?.[1] !== undefined)
    return { version: 1, ...(await writableFolder(v1Mount[1], v1[2])) };
  const v2 = own.find(([number]) => number === '0');
  const v2Mount = mounts.find(([, , type]) => type === 'cgroup2');
  if (v2?.[2] === undefined || v2Mount?.[1] === undefined) return { version: undefined, settable: false };
  const there = await writableFolder(v2Mount[1], v2[2]);
  const controllers = lines(join(there.folder, 'cgroup.controllers')).join(' ').split(' ');
  return { version: 2, folder: there.folder, settable: there.settable && controllers.includes('memory') };
}

async function writableFolder(mount: string, path: string): Promise<{ folder: string; settable: boolean }> {
  // In a container the path may be the host's, and the mount itself is then the own group.
  const folder = [join(mount, path), mount].find((candidate) => existsSync(candidate)) ?? mount;
  const settable = await access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
  return { folder, settable };
}

function memoryFinding(control: MemoryControl): Finding {
  const which = control.version === undefined ? 'no cgroups here' : `cgroup v${control.version}`;
  if (control.settable) return ok('limits', 'memory limits', `${which}, at ${control.folder}`);
  const text = `${which}, not ours to set: the kernel does not hold functions to their MemorySize`;
  const scope = 'systemd-run --user --scope -p Delegate=yes lambdad start';
  return note('limits', 'memory limits', text, existsSync('/run/systemd/system') ? [scope] : []);
}

function lines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch {
    // No cgroups on this kernel.
    return [];
  }
}

/** Whether a server answers where the other commands would look for it. */
export async function examineServer(endpoint: string): Promise<Finding> {
  const answer = await new Promise<string>((resolve) => {
    const url = `${endpoint}/_lambdad/health`;
    if (!url.startsWith('http:')) return resolve('');
    const request = http.get(url, { timeout: HEALTH_MS_MAX, agent: false }, (response) => {
      response.resume();
      resolve(`HTTP ${response.statusCode}`);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(''));
    request.on('close', () => resolve(''));
  });
  if (answer === 'HTTP 200') return ok('network', 'server', `answers at ${endpoint}`);
  if (answer === '') return note('network', 'server', `none answers at ${endpoint}`, ['lambdad start']);
  return note('network', 'server', `something else answers at ${endpoint} (${answer})`, ['lambdad start --port 2016']);
}
