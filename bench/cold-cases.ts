/** Functions whose cold starts are measured, each with the bare program that does the same without a sandbox. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Runtime } from '@aws-sdk/client-lambda';
import { machinePrograms } from '../src/runtimes/machine-programs.ts';
import { sharedCacheDir } from '../test/support/shared-cache.ts';
import type { Aim } from './aim.ts';
import type { Deployment } from './bench-server.ts';

export interface ColdCase {
  readonly what: string;
  readonly aim: Aim;
  readonly deployment: Deployment;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const BUNDLE_MODULES = 2500;
const BUNDLE_MODULES_USED = 250;
const SDK_MEMORY_MB = 512;

const nodeHello = 'export const handler = async (event) => ({ hello: event.name });\n';
const nodeSdk = `const { S3Client } = require('@aws-sdk/client-s3');
const { DynamoDBClient } = require('@aws-sdk/client-dynamodb');
const clients = [new S3Client({ region: 'us-east-1' }), new DynamoDBClient({ region: 'us-east-1' })];
exports.handler = async (event) => ({ hello: event.name, clients: clients.length });
`;
const pythonHello = 'def handler(event, context):\n    return {"hello": event["name"]}\n';
const pythonSdk = `import boto3
clients = [boto3.client(name, region_name="us-east-1") for name in ("s3", "dynamodb")]
def handler(event, context):
    return {"hello": event["name"], "clients": len(clients)}
`;

/** As a bundler writes them: 5 MB of modules in one file, a tenth of which a web framework's start executes. */
function bundle(): string {
  const module = (number: number) =>
    `${number}: (module, exports, load) => {
  const routes = new Map();
${Array.from({ length: 12 }, (_, part) => `  function part${part}(request, response) { if (request.method === 'GET' && routes.has(request.path)) { return response.send({ module: ${number}, part: ${part}, path: request.path }); } throw new Error('no route ${part}'); }`).join('\n')}
  routes.set('/${number}', [part0, part1, part2]); exports.routes = routes;
},`;
  const modules = Array.from({ length: BUNDLE_MODULES }, (_, number) => module(number)).join('\n');
  return `const modules = {\n${modules}\n};
const loaded = new Map();
const load = (number) => { if (!loaded.has(number)) { const module = { exports: {} }; loaded.set(number, module.exports); modules[number](module, module.exports, load); } return loaded.get(number); };
for (let number = 0; number < ${BUNDLE_MODULES_USED}; number++) load(number * ${BUNDLE_MODULES / BUNDLE_MODULES_USED});
exports.handler = async (event) => ({ hello: event.name, modules: loaded.size });\n`;
}

/** Folder of an artefact in the cache of whoever runs this; undefined where nothing has fetched it yet. */
function artefact(name: string): string | undefined {
  const folder = join(sharedCacheDir, 'artefacts');
  const found = readdirSync(folder).find((entry) => new RegExp(`^${name}-[0-9a-f]+$`).test(entry));
  return found === undefined ? undefined : join(folder, found);
}

/** Writes the bare programs into `folder`. */
export async function coldCases(folder: string): Promise<readonly ColdCase[]> {
  const node = (what: string, aim: Aim, file: string, text: string, env: Record<string, string> = {}): ColdCase => {
    const name = what.replaceAll(' ', '-');
    writeFileSync(join(folder, `${name}-${file}`), text);
    const run = join(folder, `${name}-run.mjs`);
    const call = `console.log(JSON.stringify(await (module.handler ?? module.default.handler)({ name: 'bare' })));\n`;
    writeFileSync(run, `const module = await import('./${name}-${file}');\n${call}`);
    const deployment = { name, runtime: 'nodejs24.x' as Runtime, handler: 'index.handler', files: { [file]: text } };
    const memoryMb = what === 'node hello' ? 128 : SDK_MEMORY_MB;
    return { what, aim, deployment: { ...deployment, memoryMb }, command: process.execPath, args: [run], env };
  };
  const nodePackages = artefact('nodejs-bundled-sdk');
  const cases = [
    node('node hello', '≤ 0.10', 'index.mjs', nodeHello),
    ...(nodePackages
      ? [node('node sdk', '≤ 0.65', 'index.cjs', nodeSdk, { NODE_PATH: join(nodePackages, 'node_modules') })]
      : []),
    node('node bundle', '≤ 0.75', 'index.cjs', bundle()),
  ];
  return [...cases, ...(await pythonCases(folder))];
}

async function pythonCases(folder: string): Promise<readonly ColdCase[]> {
  const program = await machinePrograms('python', process.env).newest();
  if (!program) return [];
  const runtime = `python${program.version}` as Runtime;
  const python = (what: string, aim: Aim, text: string, env: Record<string, string> = {}): ColdCase => {
    const name = what.replaceAll(' ', '-');
    const run = join(folder, `${name}.py`);
    writeFileSync(run, `import json\n${text}print(json.dumps(handler({"name": "bare"}, None)))\n`);
    const deployment = { name, runtime, handler: 'app.handler', files: { 'app.py': text } };
    const memoryMb = what === 'python hello' ? 128 : SDK_MEMORY_MB;
    return { what, aim, deployment: { ...deployment, memoryMb }, command: program.path, args: [run], env };
  };
  const packages = artefact('python-bundled-sdk');
  const keys = { AWS_ACCESS_KEY_ID: 'none', AWS_SECRET_ACCESS_KEY: 'none' };
  return [
    python('python hello', '≤ 0.10', pythonHello),
    ...(packages ? [python('python boto3', '≤ 0.25', pythonSdk, { PYTHONPATH: packages, ...keys })] : []),
  ];
}
