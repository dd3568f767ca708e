import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { InvokeCommand, type LambdaClient, PublishLayerVersionCommand } from '@aws-sdk/client-lambda';
import { createFunction, type Deployed, type Invoked, invokeFunction } from '../support/functions.ts';
import type { TestServer } from '../support/server.ts';
import { type ZipEntry, zipOf } from '../support/zip.ts';

/**
 * Runtimes and extensions that do what a test tells them, in Python over raw HTTP: a runtime runs INIT of its
 * environment, then the script of each event; an extension is a script in a layer. `local_api.py` is what they have.
 */
const PRELUDE = readFileSync(new URL('local_api.py', import.meta.url), 'utf8');
const BOOTSTRAP = `#!/usr/bin/python3
import os, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import local_api
local_api.run_runtime()
`;

export interface ScriptedOptions extends Partial<Deployed> {
  /** Python that runs before the first event. */
  readonly init?: string;
  /** By name: the Python of each external extension, or a file of its own. */
  readonly extensions?: Readonly<Record<string, ZipEntry>>;
  readonly variables?: Readonly<Record<string, string>>;
}

export async function createScripted(client: LambdaClient, name: string, options: ScriptedOptions = {}): Promise<void> {
  const { init, extensions, variables = {}, ...settings } = options;
  const layers = extensions ? [await publishExtensions(client, name, extensions)] : [];
  await createFunction(client, name, {
    Runtime: 'provided.al2023',
    Handler: 'the.handler',
    Timeout: 10,
    files: { bootstrap: { content: BOOTSTRAP, mode: 0o755 }, 'local_api.py': PRELUDE },
    Layers: layers,
    Environment: { Variables: { ...variables, ...(init === undefined ? {} : { INIT: init }) } },
    ...settings,
  });
}

/** Runs a script in the runtime of a scripted function. */
export function run(client: LambdaClient, name: string, script?: string): Promise<Invoked> {
  return invokeFunction(client, name, script === undefined ? {} : { script });
}

/** The same without asking for the log: the answer is not kept back for it. */
export async function runQuickly(
  client: LambdaClient,
  FunctionName: string,
  script: string,
): Promise<{ payload: unknown; error: string | undefined }> {
  const answer = await client.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify({ script }) }));
  return { payload: JSON.parse(Buffer.from(answer.Payload ?? []).toString()), error: answer.FunctionError };
}

/** An extension that writes into the log what it hears. */
export const WATCHER = `
def heard(event): say("heard " + json.dumps(event))
run_extension(["SHUTDOWN", "INVOKE"], heard)`;

export async function publishExtensions(
  client: LambdaClient,
  layer: string,
  extensions: Readonly<Record<string, ZipEntry>>,
): Promise<string> {
  const files: Record<string, ZipEntry> = { 'lib/local_api.py': PRELUDE };
  for (const [name, entry] of Object.entries(extensions))
    files[`extensions/${name}`] = typeof entry === 'string' ? { content: extensionProgram(entry), mode: 0o755 } : entry;
  const Content = { ZipFile: await zipOf(files) };
  return (await client.send(new PublishLayerVersionCommand({ LayerName: layer, Content }))).LayerVersionArn ?? '';
}

function extensionProgram(script: string): string {
  return `#!/usr/bin/python3
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from local_api import *
${script}
`;
}

const LOG_WAIT_MS = 15_000;
const LOG_LOOK_MS = 50;

/** The whole log of a function, all streams together, once it holds what is waited for. */
export async function logWith(server: TestServer, name: string, wanted: RegExp): Promise<string> {
  for (const until = Date.now() + LOG_WAIT_MS; ; await sleep(LOG_LOOK_MS)) {
    const log = await logOf(server, name);
    if (wanted.test(log)) return log;
    if (Date.now() > until) throw new Error(`the log of ${name} never had ${wanted}:\n${log}`);
  }
}

const STILL_MS = 1000;

/** The whole log once nothing was added to it for a second. */
export async function logWhenStill(server: TestServer, name: string): Promise<string> {
  let before = '';
  for (const until = Date.now() + LOG_WAIT_MS; ; await sleep(STILL_MS)) {
    const log = await logOf(server, name);
    if (log !== '' && log === before) return log;
    if (Date.now() > until) throw new Error(`the log of ${name} never stood still`);
    before = log;
  }
}

async function logOf(server: TestServer, name: string): Promise<string> {
  const response = await fetch(server.url, {
    method: 'POST',
    headers: {
      'X-Amz-Target': 'Logs_20140328.FilterLogEvents',
      'Content-Type': 'application/x-amz-json-1.1',
      Authorization:
        'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/logs/aws4_request, SignedHeaders=host, Signature=0',
    },
    body: JSON.stringify({ logGroupName: `/aws/lambda/${name}` }),
  });
  const { events = [] } = (await response.json()) as { events?: readonly { message: string }[] };
  return events.map(({ message }) => message).join('');
}
