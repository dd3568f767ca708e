/**
 * Benchmarks as ratios against a bare baseline taken in the same run; bench/README.md says how to read them. Prints a table,
 * writes JSON, and ends with 1 when something could not be measured. A missed aim is told and fails nothing.
 *
 *     npm run bench [-- warm cold sandbox memory async catalogue stream shards sources] [--json FILE]
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { benchAsync } from './async.ts';
import { benchCatalogue } from './catalogue.ts';
import { benchCold } from './cold.ts';
import { benchMemory } from './memory.ts';
import { describeMachine, jsonOf } from './report.ts';
import { conclusionOf, type Part, runParts } from './run-parts.ts';
import { benchSandbox } from './sandbox.ts';
import { benchShards } from './shards.ts';
import { benchSources } from './sources.ts';
import { benchStream } from './stream.ts';
import { benchWarm } from './warm.ts';

const parts: Readonly<Record<string, Part>> = {
  warm: benchWarm,
  cold: benchCold,
  sandbox: benchSandbox,
  memory: benchMemory,
  async: benchAsync,
  catalogue: benchCatalogue,
  stream: benchStream,
  shards: benchShards,
  sources: benchSources,
};
const { values, positionals: asked } = parseArgs({
  options: { json: { type: 'string', default: 'bench.json' } },
  allowPositionals: true,
});
const unknown = asked.filter((name) => !(name in parts));
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}`);
  process.exit(2);
}
const machine = describeMachine();
const chosen = Object.entries(parts).filter(([name]) => asked.length === 0 || asked.includes(name));
const reports = await runParts(chosen, (done) => {
  // After each part: a run that is broken off leaves what it has found.
  writeFileSync(values.json, jsonOf(machine, done));
  const last = done.at(-1);
  console.error(`${last?.part}: ${last?.tookS} s${last?.failure === undefined ? '' : ', could not be measured'}`);
});
const { lines, exitCode } = conclusionOf(reports);
for (const line of lines) console.log(line);
console.log(`written to ${values.json}`);
process.exitCode = exitCode;
