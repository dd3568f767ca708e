import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Bubblewrap makes the namespaces where our own launcher may not: where the machine lets no program of an ordinary user
 * make any but those that have a profile for it, as `bwrap` of a distribution has.
 */
const FOLDERS = ['/usr/bin', '/usr/local/bin', '/bin'];
const TRIAL_MS_MAX = 10_000;
/** What a sandbox needs of it. The size of a tmpfs is the newest: version 0.8. */
const TRIAL = ['--unshare-user', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-net'].concat(
  ['--uid', '993', '--gid', '990', '--as-pid-1', '--die-with-parent', '--ro-bind', '/', '/'],
  ['--size', '65536', '--perms', '1777', '--tmpfs', '/tmp', '--proc', '/proc', '--dev', '/dev', '/bin/true'],
);

export type Bubblewrap = { readonly path: string } | { readonly lack: string };

/** Where it is and whether it works here, by trying. `path` is the server's own PATH. */
export function findBubblewrap(path: string | undefined): Promise<Bubblewrap> {
  const folders = [...(path ?? '').split(delimiter).filter((folder) => folder.startsWith('/')), ...FOLDERS];
  const found = folders.map((folder) => join(folder, 'bwrap')).find(existsSync);
  if (process.platform !== 'linux' || found === undefined) return Promise.resolve({ lack: 'bubblewrap is not there' });
  if (process.getuid?.() === 0) return Promise.resolve({ lack: 'bubblewrap is for ordinary users, not for root' });
  return new Promise((resolve) => {
    execFile(found, TRIAL, { timeout: TRIAL_MS_MAX, env: {} }, (error, _, complaint) => {
      resolve(error ? { lack: `bubblewrap: ${complaint.trim() || error.message}` } : { path: found });
    });
  });
}
