import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { FoundProgram } from '../../src/runtimes/found-programs.ts';
import { machinePrograms } from '../../src/runtimes/machine-programs.ts';
import { type FunctionOptions, type FunctionProcess, startFunction } from '../function-process.ts';

const BOOTSTRAP = join(import.meta.dirname, 'bootstrap.rb');

/** Of each Ruby version one, also of those that are too old for a runtime of their own. */
export const rubies: readonly FoundProgram[] = await machinePrograms('ruby', process.env).all();

/** Starts a Ruby function the way the platform does. `app.rb` and `app.handler` unless told otherwise. */
export function startRubyFunction(
  test: TestContext,
  ruby: FoundProgram,
  source: string | Record<string, string>,
  options: Partial<FunctionOptions> = {},
): Promise<FunctionProcess> {
  return startFunction(test, {
    // The platform has the function's folder in RUBYLIB.
    argv: [ruby.path, '-EUTF-8', '-I', '.', BOOTSTRAP],
    files: typeof source === 'string' ? { 'app.rb': source } : source,
    handler: 'app.handler',
    ...options,
  });
}
