import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface User {
  readonly uid: number;
  readonly gid: number;
}

/** The account that owns nothing on any Unix. */
export const nobody: User = { uid: 65_534, gid: 65_534 };

/** True for root, who alone can start a process as another user. */
export const canSwitchUser = process.getuid?.() === 0;

export interface Checkout {
  readonly root: string;
  readonly node: string;
}

const own: Checkout = {
  root: dirname(dirname(dirname(fileURLToPath(import.meta.url)))),
  node: process.execPath,
};

let copy: Checkout | undefined;

/**
 * The checkout as `user` can run it: this one where its folders let him in, a copy in the temporary folder otherwise
 * (a clone under a home folder of mode 0700, say). The copy goes when the process ends.
 */
export function checkoutFor(user: User | undefined): Checkout {
  if (!user || canRead(own, user)) return own;
  copy ??= copyCheckout();
  return copy;
}

function canRead(checkout: Checkout, user: User): boolean {
  const script = 'require("node:fs").readFileSync(process.argv[1])';
  const launcher = join(checkout.root, 'bin', 'lambdad.mjs');
  return spawnSync(checkout.node, ['-e', script, launcher], { ...user, cwd: '/' }).status === 0;
}

function copyCheckout(): Checkout {
  const root = mkdtempSync(join(tmpdir(), 'lambdad-checkout-'));
  process.once('exit', () => rmSync(root, { recursive: true, force: true }));
  chmodSync(root, 0o755);
  const lock = JSON.parse(readFileSync(join(own.root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean }>;
  };
  const shipped = Object.entries(lock.packages).filter(([path, entry]) => path !== '' && !entry.dev);
  const parts = ['bin', 'src', 'native/bin', 'runtimes', 'package.json', ...shipped.map(([path]) => path)];
  for (const part of parts) {
    mkdirSync(dirname(join(root, part)), { recursive: true, mode: 0o755 });
    try {
      cpSync(join(own.root, part), join(root, part), { recursive: true, dereference: true });
    } catch (error) {
      // npm installs only the Node of this platform: the others of the lock file are not there.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  const node = join(root, 'node');
  cpSync(own.node, node, { dereference: true });
  chmodSync(node, 0o755);
  return { root, node };
}
