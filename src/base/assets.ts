import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Both src/base/ and dist/base/ stand two folders below the package's root. */
const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * The absolute path of a file that ships beside the code: `assetPath('native/bin/…')`, `assetPath('runtimes/nodejs')`.
 * `relative` is counted from the package's root and is the same whether the sources run or the compiled package.
 */
export function assetPath(relative: string): string {
  return join(root, relative);
}
