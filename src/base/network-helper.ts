/**
 * Programs that give an ordinary user's sandbox a way out, and what a machine lacks for them. Root needs none: it has
 * the kernel's own address translation.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface NetworkHelper {
  readonly kind: 'pasta' | 'slirp4netns';
  /** The program, absolute. */
  readonly path: string;
}

/** What is missing, in words, and the commands for an administrator's shell that mend it. */
export interface NetworkLack {
  readonly reason: string;
  readonly commands: readonly string[];
}

/** In the order in which they are preferred: every sandbox has one, and the first needs 3 MB, the other 20. */
const KINDS = ['slirp4netns', 'pasta'] as const;
/** Where distributions put them; the PATH of a service may be shorter. */
const FOLDERS = ['/usr/bin', '/usr/local/bin', '/bin'];
const TUNNEL_DEVICE = '/dev/net/tun';

function isAllowed(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

function isProgram(path: string): boolean {
  return isAllowed(path, constants.X_OK) && statSync(path).isFile();
}

/** A helper that can be used here, or what is missing for one. */
export function findNetworkHelper(path: string | undefined): NetworkHelper | NetworkLack {
  const folders = [...(path ?? '').split(delimiter).filter((folder) => folder.startsWith('/')), ...FOLDERS];
  for (const kind of KINDS) {
    const found = folders.map((folder) => join(folder, kind)).find(isProgram);
    if (found === undefined) continue;
    if (isAllowed(TUNNEL_DEVICE, constants.R_OK | constants.W_OK)) return { kind, path: found };
    return {
      reason: `${kind} is installed, but this user may not open ${TUNNEL_DEVICE}`,
      commands: [`sudo chmod 666 ${TUNNEL_DEVICE}`],
    };
  }
  return {
    reason: 'neither slirp4netns nor pasta is installed',
    commands: [
      'sudo apt-get install slirp4netns   # or passt, which has pasta; dnf, zypper and pacman name them the same',
    ],
  };
}
