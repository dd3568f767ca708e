// Installs what package-lock.json names, if it is not there already. Runs on Node 20 and npm alone, before anything
// else of the project can: `npm start` asks for what the server needs, `npm test` (--dev) for everything.
//
//     node scripts/install.mjs [--dev [SCRIPT.ts [ARGUMENT ...]]]
//
// A script is run afterwards on the pinned Node. A shell that looked `node` up before the installation would go on using
// the machine's own.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFile = join(root, 'node_modules', '.lambdad-installed');
const wanted = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex');
const [extentWanted, script, ...scriptArguments] = process.argv.slice(2);
const everything = extentWanted === '--dev';

function stamp() {
  try {
    return readFileSync(stampFile, 'utf8').trim().split(' ');
  } catch {
    return [];
  }
}

const [have, extent] = stamp();
if (have !== wanted || (everything && extent !== 'dev')) {
  const args = ['ci', '--ignore-scripts', '--no-fund', '--no-audit', '--loglevel=error'];
  if (!everything) args.push('--omit=dev');
  console.error('lambdad: installing dependencies (once) …');
  // npm sets its own settings for scripts in npm_config_*; an outer --omit would otherwise leak into this run.
  const env = { ...process.env };
  delete env.npm_config_omit;
  const npm = spawnSync('npm', args, { cwd: root, env, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  if (npm.error || npm.status !== 0) {
    console.error(`lambdad: npm ci failed${npm.error ? `: ${npm.error.message}` : ''}`);
    process.exit(1);
  }
  writeFileSync(stampFile, `${wanted} ${everything ? 'dev' : 'run'}\n`);
}

if (script !== undefined) {
  const node = join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'node.cmd' : 'node');
  const command = existsSync(node) ? node : process.execPath;
  const child = spawn(command, [join(root, script), ...scriptArguments], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(signal ? 1 : code));
}
