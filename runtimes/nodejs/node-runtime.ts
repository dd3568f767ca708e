import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { commandsOnPath, type FunctionOptions, type FunctionProcess, startFunction } from '../function-process.ts';

export interface NodeFound {
  readonly path: string;
  readonly major: number;
}

const FIRST_MAJOR_WITHOUT_CALLBACKS = 24;
const ENTRY = join(import.meta.dirname, 'index.mjs');

/** This Node, and of each other major version on the machine one. TEST_NODES may name more, by colons. */
export const nodes: readonly NodeFound[] = findNodes();
export const callbackNode = nodes.find((node) => node.major < FIRST_MAJOR_WITHOUT_CALLBACKS);
export const promiseNode = nodes.find((node) => node.major >= FIRST_MAJOR_WITHOUT_CALLBACKS);
export const callbackNodes = nodes.filter((node) => node.major < FIRST_MAJOR_WITHOUT_CALLBACKS);
export const promiseNodes = nodes.filter((node) => node.major >= FIRST_MAJOR_WITHOUT_CALLBACKS);

function findNodes(): NodeFound[] {
  const more = (process.env['TEST_NODES'] ?? '').split(':').filter((path) => path !== '');
  const found = new Map<number, NodeFound>();
  for (const path of [process.execPath, ...more, ...commandsOnPath(['node'])]) {
    const major = Number(execFileSync(path, ['-p', 'parseInt(process.versions.node)'], { encoding: 'utf8' }));
    if (major >= 18 && !found.has(major)) found.set(major, { path, major });
  }
  return [...found.values()];
}

/** Starts a Node function with the options the platform gives. `index.js` and `index.handler` unless told otherwise. */
export function startNodeFunction(
  test: TestContext,
  node: NodeFound,
  source: string | Record<string, string>,
  options: Partial<FunctionOptions> = {},
): Promise<FunctionProcess> {
  const modules = node.major >= 22 ? ['--no-experimental-require-module', '--no-experimental-detect-module'] : [];
  return startFunction(test, {
    argv: [node.path, '--max-http-header-size', '81920', ...modules, ENTRY],
    files: typeof source === 'string' ? { 'index.js': source } : source,
    handler: 'index.handler',
    ...options,
  });
}
