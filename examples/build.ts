// `node examples/build.ts NAME …` makes examples/NAME/target/function.zip: the function and what it depends on, as it
// is uploaded. A zip that is there already and was made of the same files is taken as it is.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { ZipFile } from 'yazl';

const here = dirname(fileURLToPath(import.meta.url));

/** A download or a compile that takes longer than this has hung. */
const TOOL_MS_MAX = 5 * 60_000;
const ENTRY_TIME = new Date('2020-01-01T00:00:00Z');
/** What tells about the example and is not part of the function. */
const ABOUT = new Set(['README.md', 'event.json', 'expected.json', 'function.json', '.npmrc']);

/** function.json: how the example is configured. */
export interface ExampleSettings {
  readonly runtime: string;
  readonly handler: string;
  readonly memoryMb: number;
  readonly timeoutS: number;
}

export const exampleNames = ['express-api', 'thumbnail', 'csv-report', 'go-hello'] as const;
export type ExampleName = (typeof exampleNames)[number];

export function readExample(name: ExampleName, file: 'event.json' | 'expected.json' | 'function.json'): unknown {
  return JSON.parse(readFileSync(join(here, name, file), 'utf8'));
}

/** True when the example needs Go and this machine has none. */
export function lacksGo(name: ExampleName): boolean {
  return existsSync(join(here, name, 'go.mod')) && spawnSync('go', ['version']).status !== 0;
}

function sourceFiles(folder: string): string[] {
  return globSync('**/*', { cwd: folder, exclude: ['target', 'node_modules', '**/__pycache__'] })
    .filter((path) => statSync(join(folder, path)).isFile() && !ABOUT.has(path))
    .sort();
}

/** Of the sources and of the machine: native libraries and binaries are for one kind of machine. */
function digestOf(folder: string): string {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`);
  for (const path of [...sourceFiles(folder), '../build.ts'])
    hash.update(`${path}\n`).update(readFileSync(join(folder, path)));
  return hash.digest('hex');
}

function run(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): void {
  const tool = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: TOOL_MS_MAX,
    shell: process.platform === 'win32',
  });
  if (tool.error) throw tool.error;
  if (tool.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${tool.signal ?? tool.status}\n${tool.stderr}`);
}

/** Puts the function's files, dependencies included, into `work` and returns the paths that make up the zip. */
function assemble(folder: string, work: string): string[] {
  for (const path of sourceFiles(folder)) cpSync(join(folder, path), join(work, path), { recursive: true });
  if (existsSync(join(folder, 'go.mod'))) {
    const GOARCH = process.arch === 'arm64' ? 'arm64' : 'amd64';
    const flags = ['-trimpath', '-buildvcs=false', '-ldflags=-s -w', '-tags=lambda.norpc', '-o', 'bootstrap', '.'];
    run('go', ['build', ...flags], work, { CGO_ENABLED: '0', GOOS: 'linux', GOARCH });
    return ['bootstrap'];
  }
  if (existsSync(join(folder, 'package-lock.json')))
    // npm tells its scripts its own settings by variables; those of an outer `npm test` are not for this folder.
    run('npm', ['ci', '--ignore-scripts', '--omit=dev', '--no-audit', '--no-fund', '--prefer-offline'], work, {
      npm_config_omit: 'dev',
      npm_config_local_prefix: work,
    });
  return globSync('**/*', { cwd: work, exclude: ['node_modules/.bin', 'node_modules/.cache'] })
    .filter((path) => statSync(join(work, path)).isFile())
    .sort();
}

async function zip(work: string, paths: readonly string[]): Promise<Buffer> {
  const file = new ZipFile();
  for (const path of paths) {
    const mode = statSync(join(work, path)).mode & 0o111 ? 0o100755 : 0o100644;
    file.addBuffer(readFileSync(join(work, path)), path, { mtime: ENTRY_TIME, mode });
  }
  file.end();
  return await buffer(file.outputStream);
}

/** The zip of an example. Throws with the tool's own words when npm or go fails. */
export async function buildExample(name: ExampleName): Promise<Buffer> {
  const folder = join(here, name);
  const target = join(folder, 'target');
  const digest = digestOf(folder);
  const stamp = join(target, 'digest');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return readFileSync(join(target, 'function.zip'));
  const work = mkdtempSync(join(tmpdir(), `lambdad-example-${name}-`));
  try {
    const bytes = await zip(work, assemble(folder, work));
    mkdirSync(target, { recursive: true });
    writeFileSync(join(target, 'function.zip'), bytes);
    writeFileSync(stamp, digest);
    return bytes;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = process.argv.slice(2);
  for (const name of wanted.length > 0 ? wanted : exampleNames) {
    const known = exampleNames.find((candidate) => candidate === name);
    if (known === undefined) throw new Error(`no example ${name}: there are ${exampleNames.join(', ')}`);
    const bytes = await buildExample(known);
    console.log(`examples/${name}/target/function.zip: ${bytes.length} bytes`);
  }
}
