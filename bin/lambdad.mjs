#!/usr/bin/env node
// The launcher: runs on Node 20, finds the Node that lambdad is pinned to, and hands over to it. Nothing else.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const NODE_MAJOR_MIN = 24;
const self = fileURLToPath(import.meta.url);
const root = dirname(dirname(self));
const source = join(root, 'src', 'cli', 'main.ts');
const entry = existsSync(source) ? source : join(root, 'dist', 'cli', 'main.js');

/** The Node of the optional dependency for this platform, or undefined where npm installed none. */
function pinnedNode() {
  const require = createRequire(import.meta.url);
  for (const name of [`node-${process.platform}-${process.arch}`, `node-bin-${process.platform}-${process.arch}`]) {
    try {
      const manifest = require.resolve(`${name}/package.json`);
      const { bin } = JSON.parse(readFileSync(manifest, 'utf8'));
      return join(dirname(manifest), typeof bin === 'string' ? bin : bin.node);
    } catch {
      // Not this name: the next one, or none.
    }
  }
  return undefined;
}

const node = pinnedNode();
const enough = Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN;
if (enough) {
  await import('./compile-cache.mjs');
  await import(pathToFileURL(entry).href);
} else if (node === undefined) {
  console.error(`lambdad: needs Node ${NODE_MAJOR_MIN} and npm installed none for ${process.platform}-${process.arch}`);
  process.exit(1);
} else {
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', self, ...process.argv.slice(2)], {
    // The channel says nothing: it closes when this process is gone, even by SIGKILL, and the child ends too.
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  // A terminal sends SIGINT to the whole group; a supervisor sends SIGTERM to this process alone: pass both on.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`lambdad: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code));
}
