import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import http from 'node:http';
import { release } from 'node:os';
import { assetPath } from '../base/assets.ts';
import { type Bubblewrap, findBubblewrap } from '../base/bubblewrap.ts';
import { type NamespaceRemedy, namespaceRemedy } from '../base/namespace-remedy.ts';
import type { Environment } from './command.ts';
import { examineMeasures } from './examine-measures.ts';
import { examineNetwork } from './examine-network.ts';
import { type Finding, lack, note, ok } from './finding.ts';

const PROBE_MS_MAX = 5000;
const HEALTH_MS_MAX = 1000;

/** What the launcher's `probe` prints. */
export interface Probe {
  readonly ok: boolean;
  /** Whether sandboxes are made with root's privileges, or in user namespaces. */
  readonly mode?: 'root' | 'userns';
  readonly step?: string;
  readonly message?: string;
  readonly userns?: boolean;
  readonly netns?: boolean;
  readonly pidns?: boolean;
  readonly seccomp?: boolean;
  /** Version of the kernel's Landlock, 0 when there is none of use. */
  readonly landlock?: number;
}

/** Which sandbox this machine gives, by trying it. */
export async function examineSandbox(env: Environment): Promise<Finding[]> {
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
  const bubblewrap = probe.ok ? undefined : await findBubblewrap(process.env['PATH']);
  found.push(...namespaceFindings(probe, namespaceRemedy(launcher), bubblewrap), ...(await examineMeasures()));
  if (probe.netns === true)
    found.push(
      ok('network', 'namespace', 'each function has a network of its own'),
      ...(await examineNetwork(launcher, probe.mode === 'root', env)),
    );
  return found;
}

/** What the probe tells; `remedy` is looked at when it failed. */
export function namespaceFindings(
  probe: Probe,
  remedy: NamespaceRemedy | undefined,
  bubblewrap?: Bubblewrap,
): Finding[] {
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
    return [ok('sandbox', 'namespaces', `Linux namespaces, ${who}`), seccomp, landlockFinding(probe.landlock ?? 0)];
  }
  const failed = `${probe.step ?? 'probe'}: ${probe.message ?? 'failed'}`;
  if (bubblewrap && 'path' in bubblewrap) {
    const text = `by bubblewrap (${bubblewrap.path}), without a network but the host's: ${remedy?.reason ?? failed}`;
    const findings = [note('sandbox', 'namespaces', text, remedy?.commands ?? []), seccomp];
    return [...findings, landlockFinding(probe.landlock ?? 0)];
  }
  if (remedy) return [lack('sandbox', 'namespaces', `${remedy.reason} (${failed})`, remedy.commands)];
  return [lack('sandbox', 'namespaces', failed, withoutSandbox('no known setting is the cause'))];
}

function landlockFinding(version: number): Finding {
  return version > 0
    ? ok('sandbox', 'Landlock', `version ${version}: a second wall around files`)
    : note('sandbox', 'Landlock', 'this kernel has none: mounts alone wall in the files');
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
