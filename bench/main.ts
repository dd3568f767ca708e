/**
 * Benchmarks as ratios against a bare baseline taken in the same run; bench/README.md says how to read them.
 *
 *     npm run bench [-- warm cold sandbox memory async catalogue stream shards sources]
 */
import { benchAsync } from './async.ts';
import { benchCatalogue } from './catalogue.ts';
import { benchCold } from './cold.ts';
import { benchMemory } from './memory.ts';
import { benchSandbox } from './sandbox.ts';
import { benchShards } from './shards.ts';
import { benchSources } from './sources.ts';
import { printRows, type Row } from './statistics.ts';
import { benchStream } from './stream.ts';
import { benchWarm } from './warm.ts';

const parts = {
  warm: benchWarm,
  cold: benchCold,
  sandbox: benchSandbox,
  memory: benchMemory,
  async: benchAsync,
  catalogue: benchCatalogue,
  stream: benchStream,
  shards: benchShards,
  sources: benchSources,
} as const;
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in parts));
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}`);
  process.exit(2);
}
const rows: Row[] = [];
for (const [name, part] of Object.entries(parts)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  rows.push(...(await part()));
}
printRows(rows);
