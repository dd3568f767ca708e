import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { skipUnless } from '../support/requirement.ts';

/** Fetching the library and compiling it for the first time on a machine. */
export const GO_BUILD_MS_MAX = 300_000;

const folder = join(import.meta.dirname, 'go');

export const skipWithoutGo = skipUnless(
  spawnSync('go', ['version'], { cwd: tmpdir() }).status === 0,
  'needs Go, for functions built with its library',
);

let built: Promise<Buffer> | undefined;

/** The function of test/runtimes/go, built with AWS's library; Go's own cache makes all builds but the first quick. */
export function goBootstrap(): Promise<Buffer> {
  built ??= build();
  return built;
}

async function build(): Promise<Buffer> {
  const dir = mkdtempSync(join(tmpdir(), 'lambdad-go-'));
  try {
    const program = join(dir, 'bootstrap');
    const flags = ['-mod=readonly', '-trimpath', '-buildvcs=false', '-tags=lambda.norpc', '-ldflags=-s -w'];
    await promisify(execFile)('go', ['build', ...flags, '-o', program, '.'], {
      cwd: folder,
      env: { ...process.env, CGO_ENABLED: '0' },
      timeout: GO_BUILD_MS_MAX,
    });
    return readFileSync(program);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
