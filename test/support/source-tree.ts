import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the checkout. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const BUILT = /(^|\/)(node_modules|dist|target|\.git|\.lambdad|__pycache__)\//;

/** Paths of every file that belongs to the project, tracked or about to be: what git ignores is left out. */
export function projectFiles(): string[] {
  const git = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  });
  // Without git, or in a clone that belongs to another user, the folder itself is read.
  const listed = git.status === 0 ? git.stdout.split('\0').filter((path) => path !== '') : walk();
  return listed.filter((path) => existsSync(join(root, path))).sort();
}

function walk(): string[] {
  const entries = globSync(['**/*', '.*', '.ci/*'], {
    cwd: root,
    withFileTypes: true,
    exclude: (path) => BUILT.test(`${path.name}/`),
  });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter((path) => !BUILT.test(path));
}

/** The text of a project file, or undefined when it is no text (a binary, a picture). */
export function textOf(path: string): string | undefined {
  const bytes = readFileSync(join(root, path));
  return bytes.includes(0) ? undefined : bytes.toString('utf8');
}
