import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { assetPath } from '../base/assets.ts';
import { findBubblewrap } from '../base/bubblewrap.ts';
import type { Ids } from '../base/ids.ts';
import { namespaceRemedy } from '../base/namespace-remedy.ts';
import type { SandboxKind } from '../environments/sandbox.ts';
import { type LinuxSandboxOptions, linuxSandboxes } from './linux/linux-sandbox.ts';
import { chooseNetwork } from './linux/network-choice.ts';
import { ScratchTemplates } from './linux/scratch-templates.ts';
import { processSandboxes } from './process/process-sandbox.ts';

/**
 * Which kind of sandbox this machine gets: namespaces where the launcher can make them, or bubblewrap for it; plain
 * processes, with a warning, where it cannot and only this machine can reach the server; otherwise a refusal that says what to do.
 */
export interface Wish {
  readonly sandbox: 'auto' | 'linux' | 'bubblewrap' | 'process';
  readonly network: 'egress' | 'host' | 'none';
  readonly allowHost: readonly number[];
  readonly cpu: 'weight' | 'quota';
  /** The most sandboxes of one kind that wait with their runtime's process started. */
  readonly prestart: number;
  /** The server is reached from this machine only. */
  readonly loopback: boolean;
}

export type Choice =
  | { readonly sandboxes: SandboxKind; readonly warnings: readonly string[] }
  | { readonly refusal: string };

const PROBE_MS_MAX = 10_000;
/** What a function has unless it asks for more. */
const USUAL_TMP_BYTES = 512 * 1_048_576;
const launcher = assetPath(join('native', 'bin', `${process.platform}-${process.arch}`, 'lambdad-sandbox'));

/** What the launcher's trial tells: what sandboxes here can have, or why it can make none. */
type Probed = { readonly landlock: boolean } & (
  | {
      /** Made with root's privileges. */
      readonly isRoot: boolean;
      /** With disks for /tmp. */
      readonly scratch: boolean;
    }
  | { readonly lack: string }
);

function probe(scratchTemplate: string | undefined): Promise<Probed> {
  if (process.platform !== 'linux') {
    return Promise.resolve({ lack: `${process.platform} has no Linux namespaces`, landlock: false });
  }
  const args = ['probe', ...(scratchTemplate === undefined ? [] : [scratchTemplate])];
  return new Promise((resolve) => {
    execFile(launcher, args, { timeout: PROBE_MS_MAX }, (error, stdout) => {
      try {
        const { mode, step, message, scratch, landlock } = JSON.parse(stdout) as Record<string, unknown>;
        const there = { isRoot: mode === 'root', scratch: scratch === true };
        const both = { landlock: Number(landlock) > 0 };
        resolve(error ? { lack: `${message} (${step})`, ...both } : { ...there, ...both });
      } catch {
        resolve({ lack: error?.message ?? 'the launcher gave no answer', landlock: false });
      }
    });
  });
}

export async function chooseSandboxes(wish: Wish, runDir: string, ids: Ids): Promise<Choice> {
  if (wish.sandbox === 'process') return plain(runDir, [walls('asked for by --sandbox process')]);
  const templates = new ScratchTemplates(join(runDir, 'scratch'));
  // A loop device takes root.
  const usual = process.getuid?.() === 0 ? await templates.get(USUAL_TMP_BYTES).catch(() => undefined) : undefined;
  const found = await probe(usual);
  const { landlock } = found;
  if (!('lack' in found) && wish.sandbox !== 'bubblewrap') {
    const scratch = found.scratch && usual !== undefined ? { templates, usual } : undefined;
    return walled(wish, runDir, ids, found.isRoot, { landlock, scratch, bubblewrap: undefined });
  }
  const other = wish.sandbox === 'linux' ? undefined : await findBubblewrap(process.env['PATH']);
  if (other && 'path' in other) {
    return walled(wish, runDir, ids, false, { landlock, scratch: undefined, bubblewrap: other.path });
  }
  return unwalled(wish, runDir, 'lack' in found ? found.lack : (other?.lack ?? ''));
}

/** Neither our launcher nor bubblewrap can wall functions in. */
function unwalled(wish: Wish, runDir: string, lack: string): Choice {
  const remedy = process.platform === 'linux' && wish.sandbox !== 'bubblewrap' ? namespaceRemedy(launcher) : undefined;
  const why = remedy ? `${lack}: ${remedy.reason}` : lack;
  const commands = (remedy?.commands ?? []).map((command) => `to mend that: ${command}`);
  if (wish.sandbox !== 'auto' || !wish.loopback) {
    const instead = wish.sandbox !== 'auto' ? '' : ' (--sandbox process runs functions without walls)';
    return { refusal: [`no sandbox here: ${why}${instead}`, ...commands].join('\n') };
  }
  return plain(runDir, [walls(why), ...commands]);
}

async function walled(
  wish: Wish,
  runDir: string,
  ids: Ids,
  isRoot: boolean,
  having: Pick<LinuxSandboxOptions, 'scratch' | 'landlock' | 'bubblewrap'>,
): Promise<Choice> {
  const path = process.env['PATH'];
  const hasHelpers = having.bubblewrap === undefined;
  const chosen = await chooseNetwork({ ...wish, ids, binary: launcher, isRoot, hasHelpers, runDir, path });
  if ('refusal' in chosen) return chosen;
  const { network, warnings } = chosen;
  const { cpu } = wish;
  // Bubblewrap makes no gate at which a process could wait.
  const prestart = having.bubblewrap === undefined ? wish.prestart : 0;
  const [linuxDir, emptyDir] = [join(runDir, 'linux'), join(runDir, 'empty')];
  return {
    sandboxes: linuxSandboxes({ ...having, binary: launcher, runDir: linuxDir, emptyDir, network, cpu, prestart, ids }),
    warnings,
  };
}

function walls(why: string): string {
  return `functions run as plain processes and can reach everything you can: ${why}`;
}

function plain(runDir: string, warnings: readonly string[]): Choice {
  return { sandboxes: processSandboxes({ runDir: join(runDir, 'process') }), warnings };
}
