/**
 * Cold invokes, as the client sees them, against a bare unsandboxed spawn of the same runtime that loads the same
 * handler, calls it once and exits: first byte of the call to last byte of the answer against spawn to exit.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  InvokeCommand,
  type LambdaClient,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda';
import { machinePrograms } from '../src/runtimes/machine-programs.ts';
import type { TestServer } from '../test/support/server.ts';
import { deploy, onServer } from './bench-server.ts';
import { type Row, row } from './statistics.ts';

const ROUNDS = 15;
const NODE_HANDLER = 'export const handler = async (event) => ({ hello: event.name });\n';
const PYTHON_HANDLER = 'def handler(event, context):\n    return {"hello": event["name"]}\n';

/** A new environment is had by changing the configuration; the wait is not measured. */
async function coldInvokeMs(client: LambdaClient, name: string, round: number): Promise<number> {
  await client.send(new UpdateFunctionConfigurationCommand({ FunctionName: name, Description: `round ${round}` }));
  await waitUntilFunctionUpdatedV2({ client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 }, { FunctionName: name });
  const started = performance.now();
  const answer = await client.send(new InvokeCommand({ FunctionName: name, Payload: JSON.stringify({ name }) }));
  const tookMs = performance.now() - started;
  if (answer.FunctionError) throw new Error(Buffer.from(answer.Payload ?? []).toString());
  return tookMs;
}

async function bareMs(command: string, args: readonly string[]): Promise<number> {
  const started = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.resume();
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command} ended with ${code}`);
  return performance.now() - started;
}

async function compare(
  what: string,
  ours: (round: number) => Promise<number>,
  bare: () => Promise<number>,
): Promise<Row> {
  const blocks: { ours: number; bare: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) blocks.push({ bare: await bare(), ours: await ours(round) });
  return row(what, 'ms', '≤ 2', blocks);
}

export function benchCold(): Promise<Row[]> {
  return onServer(measure);
}

async function measure(server: TestServer): Promise<Row[]> {
  const client = server.client();
  const dir = mkdtempSync(join(tmpdir(), 'lambdad-bench-'));
  try {
    writeFileSync(join(dir, 'index.mjs'), NODE_HANDLER);
    writeFileSync(
      join(dir, 'run.mjs'),
      "import { handler } from './index.mjs';\nconsole.log(JSON.stringify(await handler({ name: 'bare' })));\n",
    );
    await deploy(client, {
      name: 'node-cold',
      runtime: 'nodejs24.x',
      handler: 'index.handler',
      files: { 'index.mjs': NODE_HANDLER },
    });
    const rows = [
      await compare(
        'cold node hello',
        (round) => coldInvokeMs(client, 'node-cold', round),
        () => bareMs(process.execPath, [join(dir, 'run.mjs')]),
      ),
    ];
    const python = await machinePrograms('python', process.env).newest();
    if (python) {
      writeFileSync(
        join(dir, 'run.py'),
        `import json\n${PYTHON_HANDLER}print(json.dumps(handler({"name": "bare"}, None)))\n`,
      );
      const runtime = `python${python.version}` as 'python3.13';
      await deploy(client, {
        name: 'python-cold',
        runtime,
        handler: 'app.handler',
        files: { 'app.py': PYTHON_HANDLER },
      });
      rows.push(
        await compare(
          'cold python hello',
          (round) => coldInvokeMs(client, 'python-cold', round),
          () => bareMs(python.path, [join(dir, 'run.py')]),
        ),
      );
    }
    return rows;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
