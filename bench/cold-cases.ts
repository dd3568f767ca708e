/** Functions whose cold starts are measured, each with the bare program that does the same without a sandbox. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Runtime } from '@aws-sdk/client-lambda';
import { machinePrograms, shippedFamily } from '../src/runtimes/machine-programs.ts';
import { obtainRuntime } from '../src/runtimes/obtained-runtime.ts';
import { sharedCacheDir } from '../test/support/shared-cache.ts';
import type { Aim } from './aim.ts';
import type { Deployment } from './bench-server.ts';
import type { MissingRow } from './statistics.ts';

export interface ColdCase {
  readonly what: string;
  readonly aim: Aim;
  readonly deployment: Deployment;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Whether sandboxes with its runtime's process wait for it. */
  readonly isPrestarted: boolean;
}

/** A case that can be measured here, or what it lacks. */
type Found = ColdCase | MissingRow;

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

const javaHello = `import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.Collections;
import java.util.Map;

public class Hello implements RequestHandler<Map<String, String>, Map<String, String>> {
  @Override public Map<String, String> handleRequest(Map<String, String> event, Context context) {
    return Collections.singletonMap("hello", event.get("name"));
  }

  public static void main(String[] arguments) {
    System.out.println(new Hello().handleRequest(Collections.singletonMap("name", "bare"), null));
  }
}
`;
const PYTHON_AIMS = [
  ['python hello', '≤ 0.10'],
  ['python boto3', '≤ 0.25'],
] as const;

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
  const found = (existsSync(folder) ? readdirSync(folder) : []).find((entry) =>
    new RegExp(`^${name}-[0-9a-f]+$`).test(entry),
  );
  return found === undefined ? undefined : join(folder, found);
}

/** Writes the bare programs into `folder`. The first case is the one that is repeated in bursts. */
export async function coldCases(
  folder: string,
): Promise<{ readonly cases: readonly ColdCase[]; readonly missing: readonly MissingRow[] }> {
  const found = [...nodeCases(folder), ...(await pythonCases(folder)), await javaCase(folder)];
  const missing = found.filter((each): each is MissingRow => 'lacks' in each);
  return { cases: found.filter((each): each is ColdCase => !('lacks' in each)), missing };
}

function missingCase(what: string, aim: Aim, lacks: string): MissingRow {
  return { what: `cold: ${what}`, aim, lacks };
}

function nodeCases(folder: string): readonly Found[] {
  const node = (what: string, aim: Aim, file: string, text: string, env: Record<string, string> = {}): ColdCase => {
    const name = what.replaceAll(' ', '-');
    writeFileSync(join(folder, `${name}-${file}`), text);
    const run = join(folder, `${name}-run.mjs`);
    const call = `console.log(JSON.stringify(await (module.handler ?? module.default.handler)({ name: 'bare' })));\n`;
    writeFileSync(run, `const module = await import('./${name}-${file}');\n${call}`);
    const deployment = { name, runtime: 'nodejs24.x' as Runtime, handler: 'index.handler', files: { [file]: text } };
    const memoryMb = what === 'node hello' ? 128 : SDK_MEMORY_MB;
    const bare = { command: process.execPath, args: [run], env };
    return { what, aim, deployment: { ...deployment, memoryMb }, ...bare, isPrestarted: true };
  };
  const packages = artefact('nodejs-bundled-sdk');
  return [
    node('node hello', '≤ 0.10', 'index.mjs', nodeHello),
    packages
      ? node('node sdk', '≤ 0.65', 'index.cjs', nodeSdk, { NODE_PATH: join(packages, 'node_modules') })
      : missingCase('node sdk', '≤ 0.65', 'the SDK, which the first function fetches'),
    node('node bundle', '≤ 0.75', 'index.cjs', bundle()),
  ];
}

async function pythonCases(folder: string): Promise<readonly Found[]> {
  const program = await machinePrograms('python', process.env).newest();
  if (!program) return PYTHON_AIMS.map(([what, aim]) => missingCase(what, aim, 'Python'));
  const runtime = `python${program.version}` as Runtime;
  const python = (
    [what, aim]: (typeof PYTHON_AIMS)[number],
    text: string,
    env: Record<string, string> = {},
  ): ColdCase => {
    const name = what.replaceAll(' ', '-');
    const run = join(folder, `${name}.py`);
    writeFileSync(run, `import json\n${text}print(json.dumps(handler({"name": "bare"}, None)))\n`);
    const deployment = { name, runtime, handler: 'app.handler', files: { 'app.py': text } };
    const memoryMb = what === 'python hello' ? 128 : SDK_MEMORY_MB;
    const bare = { command: program.path, args: [run], env };
    return { what, aim, deployment: { ...deployment, memoryMb }, ...bare, isPrestarted: true };
  };
  const packages = artefact('python-bundled-sdk');
  const keys = { AWS_ACCESS_KEY_ID: 'none', AWS_SECRET_ACCESS_KEY: 'none' };
  const [hello, boto3] = PYTHON_AIMS;
  return [
    python(hello, pythonHello),
    packages
      ? python(boto3, pythonSdk, { PYTHONPATH: packages, ...keys })
      : missingCase(...boto3, 'boto3, which the first function fetches'),
  ];
}

/** Compiled by the JDK that runs it, against the interfaces that the runtime brings along. */
async function javaCase(folder: string): Promise<Found> {
  const [what, aim] = ['java hello', '≤ 1.2'] as const;
  const program = await machinePrograms('java', process.env).newest();
  const compiler = program && join(dirname(program.path), 'javac');
  if (!program || !compiler || !existsSync(compiler)) return missingCase(what, aim, 'a JDK');
  const match = { family: shippedFamily('java'), version: program.version };
  const options = { cacheDir: sharedCacheDir, nearest: false, env: process.env, progress: () => undefined };
  const core = join((await obtainRuntime(match, options)).directory, 'lib', 'core.jar');
  writeFileSync(join(folder, 'Hello.java'), javaHello);
  await promisify(execFile)(compiler, ['-cp', core, '-d', folder, join(folder, 'Hello.java')]);
  const files = { 'Hello.class': readFileSync(join(folder, 'Hello.class')) };
  const runtime = `java${program.version}` as Runtime;
  const deployment = { name: 'java-hello', runtime, handler: 'Hello', files, memoryMb: SDK_MEMORY_MB };
  const args = ['-cp', `${folder}:${core}`, 'Hello'];
  return { what, aim, deployment, command: program.path, args, isPrestarted: true };
}
