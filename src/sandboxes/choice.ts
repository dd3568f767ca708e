import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { assetPath } from '../base/assets.ts';
import type { Ids } from '../base/ids.ts';
import { namespaceRemedy } from '../base/namespace-remedy.ts';
import type { SandboxKind } from '../environments/sandbox.ts';
import { linuxSandboxes } from './linux/linux-sandbox.ts';
import { processSandboxes } from './process/process-sandbox.ts';

/**
 * Which kind of sandbox this machine gets: namespaces where the launcher can make them; plain processes, with a
 * warning, where it cannot and only this machine can reach the server; otherwise a refusal that says what to do.
 */
export interface Wish {
  readonly sandbox: 'auto' | 'linux' | 'process';
  readonly network: 'none' | 'host';
  readonly cpu: 'weight' | 'quota';
  /** The server is reached from this machine only. */
  readonly loopback: boolean;
}

export type Choice =
  | { readonly sandboxes: SandboxKind; readonly warnings: readonly string[] }
  | { readonly refusal: string };

const HOST_NETWORK =
  "functions share this machine's network (--network host): they reach what you reach there, this API included";
const PROBE_MS_MAX = 10_000;
const launcher = assetPath(join('native', 'bin', `${process.platform}-${process.arch}`, 'lambdad-sandbox'));

/** undefined when sandboxes can be made here, else why not. */
function probe(): Promise<string | undefined> {
  if (process.platform !== 'linux') return Promise.resolve(`${process.platform} has no Linux namespaces`);
  return new Promise((resolve) => {
    execFile(launcher, ['probe'], { timeout: PROBE_MS_MAX }, (error, stdout) => {
      if (!error) return resolve(undefined);
      try {
        const { step, message } = JSON.parse(stdout) as { step: string; message: string };
        resolve(`${message} (${step})`);
      } catch {
        resolve(error.message);
      }
    });
  });
}

export async function chooseSandboxes(wish: Wish, runDir: string, ids: Ids): Promise<Choice> {
  if (wish.sandbox === 'process') return plain(runDir, [walls('asked for by --sandbox process')]);
  const lack = await probe();
  if (lack === undefined) {
    const sandboxes = linuxSandboxes({
      binary: launcher,
      runDir: join(runDir, 'linux'),
      emptyDir: join(runDir, 'empty'),
      network: wish.network,
      cpu: wish.cpu,
      ids,
    });
    return { sandboxes, warnings: wish.network === 'host' ? [HOST_NETWORK] : [] };
  }
  const remedy = process.platform === 'linux' ? namespaceRemedy(launcher) : undefined;
  const why = remedy ? `${lack}: ${remedy.reason}` : lack;
  const commands = (remedy?.commands ?? []).map((command) => `to mend that: ${command}`);
  if (wish.sandbox === 'linux' || !wish.loopback) {
    const instead = wish.sandbox === 'linux' ? '' : ' (--sandbox process runs functions without walls)';
    return { refusal: [`no sandbox here: ${why}${instead}`, ...commands].join('\n') };
  }
  return plain(runDir, [walls(why), ...commands]);
}

function walls(why: string): string {
  return `functions run as plain processes and can reach everything you can: ${why}`;
}

function plain(runDir: string, warnings: readonly string[]): Choice {
  return { sandboxes: processSandboxes({ runDir: join(runDir, 'process') }), warnings };
}
