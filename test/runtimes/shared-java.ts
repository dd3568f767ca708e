import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { skipUnless } from '../support/requirement.ts';

const COMPILE_MS_MAX = 60_000;
const folder = join(import.meta.dirname, 'shared-functions');

export const skipWithoutJavac = skipUnless(
  spawnSync('javac', ['-version'], { stdio: 'ignore' }).status === 0,
  'needs a JDK',
);

let compiled: Promise<Record<'App' | 'OfALayer', Buffer>> | undefined;

/** The classes of the shared suite, for Java 8 and later. */
export function javaClasses(): Promise<Record<'App' | 'OfALayer', Buffer>> {
  compiled ??= compile();
  return compiled;
}

async function compile() {
  const work = mkdtempSync(join(tmpdir(), 'lambdad-java-'));
  try {
    const sources = ['App.java', 'OfALayer.java'].map((name) => join(folder, name));
    const args = ['-source', '8', '-target', '8', '-nowarn', '-d', work, ...sources];
    await promisify(execFile)('javac', args, { timeout: COMPILE_MS_MAX });
    const read = (name: string) => readFileSync(join(work, `${name}.class`));
    return { App: read('App'), OfALayer: read('OfALayer') };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
