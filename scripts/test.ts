// `npm test`: types, style and imports, then every test. `npm test -- PART …` runs only the test files whose path holds
// one of the parts, without the checks; `npm run check` (--checks-only) runs only the checks.
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const TEST_FILES = ['test/**/*.test.ts', 'src/**/*.test.ts', 'runtimes/**/*.test.ts', 'native/*.test.ts'];
const isFull = process.env['CI'] === 'true';
/**
 * Test files at once. Most of them start processes of their own and wait for them a third of the time, so three keep two
 * processors at work; in full many have more to do at once than two processors can, and more files only make them late.
 */
const CONCURRENCY = isFull ? 2 : 3;
/** A single test that takes longer has hung; one that needs more says so itself. In full they do more. */
const TEST_MS_MAX = isFull ? 180_000 : 60_000;
/** The whole run: what still runs then is ended, and the run has failed. */
const RUN_MS_MAX = (isFull ? 60 : 30) * 60_000;

interface Stage {
  readonly name: string;
  readonly argv: readonly string[];
}

const bin = (path: string) => join('node_modules', path);
const checks: readonly Stage[] = [
  { name: 'types', argv: [bin('typescript/bin/tsc'), '--noEmit', '-p', '.'] },
  {
    name: 'style',
    argv: [bin('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '--diagnostic-level=warn', '.'],
  },
  {
    name: 'imports',
    argv: [bin('dependency-cruiser/bin/dependency-cruiser.mjs'), '--config', '.dependency-cruiser.cjs', 'src'],
  },
];

/** Credentials and endpoints of whoever runs the tests stay out of them, and so do settings of a server of theirs. */
function testEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(AWS|LAMBDAD)_/.test(name));
  return {
    ...Object.fromEntries(kept),
    // Fetching the SDKs of the runtimes is for the tests that are about them.
    LAMBDAD_BUNDLED_SDK: 'off',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  };
}

interface Outcome {
  readonly ok: boolean;
  readonly output: string;
  readonly durationMs: number;
}

/** Runs `node ARGV`; output goes straight on when `show` is set and is collected otherwise. */
async function runNode(argv: readonly string[], show: boolean): Promise<Outcome> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, argv, {
    cwd: root,
    env: testEnvironment(),
    stdio: ['ignore', show ? 'inherit' : 'pipe', show ? 'inherit' : 'pipe'],
  });
  const timer = setTimeout(() => {
    console.error(`lambdad: the run took longer than ${RUN_MS_MAX / 60_000} minutes`);
    child.kill('SIGTERM');
  }, RUN_MS_MAX - performance.now());
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ok = await new Promise<boolean>((resolve) => {
    child.once('error', (error) => {
      chunks.push(Buffer.from(`${error.message}\n`));
      resolve(false);
    });
    child.once('close', (code) => resolve(code === 0));
  });
  clearTimeout(timer);
  return { ok, output: Buffer.concat(chunks).toString(), durationMs: performance.now() - startedMs };
}

/** Runs the checks beside each other; says what failed and returns the names. */
async function runChecks(): Promise<string[]> {
  const failed: string[] = [];
  await Promise.all(
    checks.map(async ({ name, argv }) => {
      const { ok, output, durationMs } = await runNode(argv, false);
      console.log(`${ok ? '✔' : '✖'} ${name} (${(durationMs / 1000).toFixed(1)} s)`);
      if (ok) return;
      failed.push(name);
      console.log(output);
    }),
  );
  return failed;
}

function testFiles(parts: readonly string[]): string[] {
  const files = globSync([...TEST_FILES], { cwd: root, exclude: ['**/node_modules/**'] }).sort();
  return parts.length === 0 ? files : files.filter((file) => parts.some((part) => file.includes(part)));
}

async function runTests(files: readonly string[]): Promise<boolean> {
  const { ok } = await runNode(
    [
      '--disable-warning=ExperimentalWarning',
      `--import=${new URL('../bin/compile-cache.mjs', import.meta.url).href}`,
      '--test',
      // A test that failed may have left a server behind: the file ends all the same, and its end takes the server along.
      '--test-force-exit',
      `--test-concurrency=${CONCURRENCY}`,
      `--test-timeout=${TEST_MS_MAX}`,
      `--test-reporter=${new URL('test-reporter.ts', import.meta.url).href}`,
      ...files,
    ],
    true,
  );
  return ok;
}

async function main(args: readonly string[]): Promise<number> {
  const parts = args.filter((arg) => !arg.startsWith('--'));
  const unknown = args.find((arg) => arg.startsWith('--') && arg !== '--checks-only');
  if (unknown !== undefined) {
    console.error(`lambdad: unknown option ${unknown}; usage: npm test [-- PART_OF_A_PATH …]`);
    return 2;
  }
  const failed = parts.length === 0 ? await runChecks() : [];
  if (!args.includes('--checks-only')) {
    const files = testFiles(parts);
    if (files.length === 0) {
      console.error(`lambdad: no test file has ${parts.join(' or ')} in its path`);
      return 2;
    }
    if (!(await runTests(files))) failed.push('tests');
  }
  // Said once more, because the tests' own summary says nothing of the checks above it.
  if (failed.length > 0) console.error(`failed: ${failed.join(', ')}`);
  return failed.length === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
