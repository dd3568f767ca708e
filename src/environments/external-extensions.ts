import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { EnvironmentSpec } from './environment-spec.ts';
import { EXTENSIONS_MAX } from './extensions/extensions.ts';
import { LAYER_ROOT } from './layer-folder.ts';
import type { Mount, Sandbox } from './sandbox.ts';

/** External extensions as a function's layers bring them along. Source: runtime-facts 2, "Life" and "Extension environment". */
const FOLDER = 'extensions';

/** What AWS keeps from extensions, beside all that begins with `_`. */
const WITHHELD: ReadonlySet<string> = new Set([
  'AWS_EXECUTION_ENV',
  'AWS_LAMBDA_LOG_GROUP_NAME',
  'AWS_LAMBDA_LOG_STREAM_NAME',
  'AWS_XRAY_CONTEXT_MISSING',
  'AWS_XRAY_DAEMON_ADDRESS',
  'LAMBDA_RUNTIME_DIR',
  'LAMBDA_TASK_ROOT',
]);

/** All files of the folder that are no directories, and how to start each; `variables` are those of the runtime. */
export async function externalExtensions(
  mounts: readonly Mount[],
  sandbox: Pick<Sandbox, 'path'>,
  variables: Readonly<Record<string, string>>,
): Promise<Pick<EnvironmentSpec, 'extensions' | 'extensionProcess'>> {
  const extensions = await fileNames(mounts);
  return {
    extensions,
    extensionProcess: (name) => {
      const environment = Object.fromEntries(
        Object.entries(variables).filter(([variable]) => !variable.startsWith('_') && !WITHHELD.has(variable)),
      );
      return { role: 'extension', argv: [sandbox.path(`${LAYER_ROOT}/${FOLDER}/${name}`)], environment, cwd: '/' };
    },
  };
}

/** Of those beyond the limit the first alone: it makes the init fail. */
async function fileNames(mounts: readonly Mount[]): Promise<readonly string[]> {
  const layers = mounts.find(({ target }) => target === LAYER_ROOT);
  if (!layers) return [];
  try {
    const entries = await readdir(join(layers.source, FOLDER), { withFileTypes: true });
    const files = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
    return files.sort().slice(0, EXTENSIONS_MAX + 1);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
