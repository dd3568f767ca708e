/**
 * The longest form of every proof that has one, one after the other; a proof is a line of the table below.
 *
 *     npm run proof [-- NAME …] [--list]
 *
 * `npm test` runs the reduced forms and `.ci/run` the full ones: test/proof/extent.ts says which is which.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

interface Proof {
  readonly what: string;
  /** On two processors, roughly. */
  readonly minutes: number;
  /** Arguments of node. */
  readonly argv: readonly string[];
}

/** A test file by itself, without the limits of the whole run. */
const test = (...files: readonly string[]) => [
  '--disable-warning=ExperimentalWarning',
  '--test',
  '--test-concurrency=1',
  '--test-reporter=spec',
  ...files,
];

const proofs: Readonly<Record<string, Proof>> = {
  fuzz: {
    what: '1,000,000 hostile requests at the API, function URLs and local APIs; a new seed each time',
    minutes: 30,
    argv: test('test/proof/fuzz.test.ts'),
  },
  zips: { what: '200,000 spoiled packages', minutes: 10, argv: test('test/proof/zips.test.ts') },
  slow: {
    what: '500 clients that do not come to an end, waited for, beside healthy ones',
    minutes: 6,
    argv: test('test/proof/slow-clients.test.ts'),
  },
  events: {
    what: '10,000 events while the server is killed 100 times; 10,000 seeds of the simulation of retries',
    minutes: 6,
    argv: test('test/async/crash.test.ts', 'test/async/simulation.test.ts'),
  },
  sources: {
    what: '40,000 messages and 40,000 records of a stream while the server is killed 60 times',
    minutes: 15,
    argv: test('test/deliveries/kills.test.ts'),
  },
  leaks: {
    what: '1,000 rounds of create, invoke and delete, then a kill: nothing left behind',
    minutes: 5,
    argv: test('test/isolation/leaks.test.ts'),
  },
  soak: { what: 'a mixed load for half an hour', minutes: 33, argv: ['scripts/soak.ts'] },
};

interface Figure {
  readonly what: string;
  readonly value: number | string;
  readonly aim: string;
}

function run(argv: readonly string[], figures: string): Promise<boolean> {
  const kept = Object.entries(process.env).filter(([name]) => !/^(AWS|LAMBDAD)_/.test(name));
  const env = {
    ...Object.fromEntries(kept),
    CI: 'true',
    LAMBDAD_BUNDLED_SDK: 'off',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    PROOF_EXTENT: process.env['PROOF_EXTENT'] ?? 'longest',
    PROOF_FIGURES: figures,
  };
  const child = spawn(process.execPath, argv, { cwd: root, env, stdio: 'inherit' });
  return new Promise((resolve) => {
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
}

async function main(args: readonly string[]): Promise<number> {
  const asked = args.filter((arg) => !arg.startsWith('--'));
  const unknown = args.filter((arg) => (arg.startsWith('--') ? arg !== '--list' : !(arg in proofs)));
  if (unknown.length > 0) {
    console.error(`lambdad: unknown: ${unknown.join(', ')}; there are ${Object.keys(proofs).join(', ')}, and --list`);
    return 2;
  }
  const chosen = Object.entries(proofs).filter(([name]) => asked.length === 0 || asked.includes(name));
  for (const [name, { what, minutes }] of chosen)
    console.log(`${name.padEnd(8)} ${String(minutes).padStart(3)} min  ${what}`);
  if (args.includes('--list')) return 0;
  const folder = mkdtempSync(join(tmpdir(), 'lambdad-proof-'));
  const figures = join(folder, 'figures.jsonl');
  const lines: string[] = [];
  for (const [name, { argv }] of chosen) {
    console.log(`\n== ${name}`);
    const startedMs = performance.now();
    const isGood = await run(argv, figures);
    lines.push(`${isGood ? '✔' : '✖'} ${name} (${((performance.now() - startedMs) / 60_000).toFixed(1)} min)`);
  }
  console.log('');
  if (existsSync(figures))
    for (const line of readFileSync(figures, 'utf8').trim().split('\n')) {
      const { what, value, aim } = JSON.parse(line) as Figure;
      console.log(
        `${typeof value === 'number' ? value.toFixed(2) : value}  ${what}${aim === '' ? '' : ` (aim ${aim})`}`,
      );
    }
  for (const line of lines) console.log(line);
  rmSync(folder, { recursive: true, force: true });
  return lines.every((line) => line.startsWith('✔')) ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
