import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import {
  commandsOnPath,
  type FunctionOptions,
  type FunctionProcess,
  pyenvPythons,
  startFunction,
} from '../function-process.ts';

export interface PythonFound {
  readonly path: string;
  /** The 12 of 3.12. */
  readonly minor: number;
}

const OLDEST_MINOR = 8;
const BOOTSTRAP = join(import.meta.dirname, 'bootstrap.py');

/** Of each Python version from 3.8 on one, those on the PATH before those of pyenv. */
export const pythons: readonly PythonFound[] = findPythons();

function findPythons(): PythonFound[] {
  const found = new Map<number, PythonFound>();
  for (const path of [...commandsOnPath(['python3']), ...pyenvPythons()]) {
    const version = execFileSync(path, ['-S', '-c', 'import sys; print(sys.version_info[1])'], { encoding: 'utf8' });
    const minor = Number(version);
    if (minor >= OLDEST_MINOR && !found.has(minor)) found.set(minor, { path, minor });
  }
  return [...found.values()].sort((left, right) => left.minor - right.minor);
}

/** Starts a Python function the way the platform does. `app.py` and `app.handler` unless told otherwise. */
export function startPythonFunction(
  test: TestContext,
  python: PythonFound,
  source: string | Record<string, string>,
  options: Partial<FunctionOptions> = {},
): Promise<FunctionProcess> {
  return startFunction(test, {
    argv: [python.path, '-u', '-s', BOOTSTRAP],
    files: typeof source === 'string' ? { 'app.py': source } : source,
    handler: 'app.handler',
    ...options,
    environment: { PYTHONDONTWRITEBYTECODE: '1', ...options.environment },
  });
}
