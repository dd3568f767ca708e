// `npm run build`: src/**/*.ts → dist/**/*.js, what the published package runs (Node strips no types under
// node_modules). Runs before every `npm pack` and `npm publish`.
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');

/** Workers are started by `new URL('./name.js', import.meta.url)`: no compiler looks behind these. */
const WORKER_URL = /new URL\(\s*['"`](\.[^'"`$]+)['"`]\s*,\s*import\.meta\.url\s*\)/g;

function compile(): boolean {
  rmSync(dist, { recursive: true, force: true });
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  return (
    spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' }).status === 0
  );
}

/** `file → target` for each code file that dist starts by its URL and does not have. */
function missingWorkers(): string[] {
  return globSync('**/*.js', { cwd: dist }).flatMap((file) => {
    const text = readFileSync(join(dist, file), 'utf8');
    return [...text.matchAll(WORKER_URL)]
      .map((match) => join(dist, dirname(file), match[1] ?? ''))
      .filter((target) => /\.[jt]s$/.test(target) && !existsSync(target.replace(/\.ts$/, '.js')))
      .map((target) => `${file} → ${relative(dist, target)}`);
  });
}

if (!compile()) process.exit(1);
const missing = missingWorkers();
if (missing.length > 0) {
  console.error(`lambdad: dist lacks what it starts: ${missing.join(', ')}`);
  process.exit(1);
}
