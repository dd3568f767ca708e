// Terraform's own provider for AWS: what it has applied it finds again, changes, takes apart and takes over. It reads
// back every setting that it wrote, so a plan without a difference says that each of them is shown as AWS shows it.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import {
  GetEventSourceMappingCommand,
  GetFunctionConfigurationCommand,
  type LambdaClient,
  ListEventSourceMappingsCommand,
  ListFunctionsCommand,
} from '@aws-sdk/client-lambda';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import { inFullOnly } from '../proof/extent.ts';
import { type Moto, skipWithoutMoto, startMoto } from '../support/moto.ts';
import { skipUnless } from '../support/requirement.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { root } from '../support/source-tree.ts';
import { zipOf } from '../support/zip.ts';

const COMMAND_MS_MAX = 180_000;
const SUITE_MS_MAX = 600_000;

/** The folder that test/clients/terraform/build-provider.mjs filled; `none` where the module proxy gives no provider. */
const built = process.env['TERRAFORM_PROVIDER'] ?? '';
/** It would ask its makers whether it is the newest. */
const ALONE = { CHECKPOINT_DISABLE: '1' };
const runs = (command: string) =>
  spawnSync(command, ['version'], { stdio: 'ignore', env: { ...process.env, ...ALONE } }).status === 0;
const findCommand = () => ['terraform', 'tofu', join(built, 'tofu')].find(runs);
const isReady = () => existsSync(join(built, 'terraform-provider-aws')) && findCommand() !== undefined;
const skip =
  inFullOnly ||
  (built === 'none' && 'the Go module proxy gives no AWS provider for Terraform') ||
  skipUnless(isReady(), 'needs TERRAFORM_PROVIDER, the folder that test/clients/terraform/build-provider.mjs made') ||
  skipWithoutMoto();

/** Without variables there is no layer either. */
const HANDLER = (end: string) => `export const handler = async ({ name }) => {
  if (process.env.GREETING === undefined) return 'nothing';
  const { default: words } = await import('words');
  return words.say(process.env.GREETING, name) + '${end}';
};
`;
const LAYER = "exports.say = (greeting, name) => greeting + ', ' + name;\n";

/** Not by Terraform, which waits for minutes until it believes that a queue is gone. */
async function makeQueues(url: string): Promise<void> {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const sqs = new SQSClient({ endpoint: url, region: 'us-east-1', credentials });
  for (const QueueName of ['work', 'failed']) await sqs.send(new CreateQueueCommand({ QueueName }));
  sqs.destroy();
}

describe("Terraform's AWS provider", { skip, timeout: SUITE_MS_MAX }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'lambdad-terraform-'));
  let moto: Moto;
  let server: TestServer;
  let client: LambdaClient;
  let command: string;
  let environment: NodeJS.ProcessEnv;

  before(async () => {
    copyFileSync(join(root, 'test', 'clients', 'terraform', 'main.tf'), join(dir, 'main.tf'));
    writeFileSync(join(dir, 'one.zip'), await zipOf({ 'index.mjs': HANDLER('!') }));
    writeFileSync(join(dir, 'two.zip'), await zipOf({ 'index.mjs': HANDLER('?') }));
    writeFileSync(join(dir, 'layer.zip'), await zipOf({ 'nodejs/node_modules/words/index.js': LAYER }));
    writeFileSync(
      join(dir, 'settings'),
      `provider_installation {\n  dev_overrides {\n    "hashicorp/aws" = ${JSON.stringify(built)}\n  }\n  direct {}\n}\n`,
    );
    moto = await startMoto({ MOTO_ACCOUNT_ID: '000000000000' });
    await makeQueues(moto.url);
    server = await startTestServer({ env: { AWS_ENDPOINT_URL_IAM: moto.url, AWS_ENDPOINT_URL_SQS: moto.url } });
    client = server.client();
    command = findCommand() ?? assert.fail('it was there');
    environment = {
      ...process.env,
      ...ALONE,
      TF_CLI_ARGS: '-no-color',
      TF_CLI_CONFIG_FILE: join(dir, 'settings'),
      TF_DATA_DIR: join(dir, 'terraform'),
      TF_IN_AUTOMATION: '1',
      TF_VAR_lambdad: server.url,
      TF_VAR_neighbours: moto.url,
      TF_VAR_folder: dir,
    };
  });
  after(async () => {
    await server?.stop();
    await moto?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  /** Its standard output. Rejects with everything that it printed. */
  const terraform = async (stage: number, verb: string, ...args: readonly string[]): Promise<string> => {
    const argv = [`-chdir=${dir}`, ...verb.split(' '), ...args];
    const env = { ...environment, TF_VAR_stage: String(stage) };
    const options = { env, timeout: COMMAND_MS_MAX, maxBuffer: 16 * 1024 * 1024 };
    try {
      return (await promisify(execFile)(command, argv, options)).stdout;
    } catch (error) {
      const { message, stdout, stderr } = error as Error & { stdout?: string; stderr?: string };
      throw new Error([message, stdout, stderr].join('\n'));
    }
  };
  const apply = (stage: number) => terraform(stage, 'apply', '-auto-approve', '-input=false');
  /** Rejects with the differences where there are any. */
  const findsAll = (stage: number) => terraform(stage, 'plan', '-detailed-exitcode', '-input=false');
  const output = async (stage: number, name: string) => JSON.parse(await terraform(stage, 'output', '-json', name));
  const configuration = () => client.send(new GetFunctionConfigurationCommand({ FunctionName: 'greeter' }));
  const mappings = async () => (await client.send(new ListEventSourceMappingsCommand({}))).EventSourceMappings ?? [];

  it('makes a function and all that belongs to it, and finds it as it was made', async () => {
    await apply(1);
    assert.equal(await output(1, 'greeting'), 'Hello, Ada!');
    assert.deepEqual(await output(1, 'functions'), ['greeter']);
    assert.ok((await output(1, 'url')).startsWith('http://127.0.0.1:'));
    const stream = (await mappings()).find(({ EventSourceArn }) => EventSourceArn?.includes(':kinesis:'));
    const { State, StateTransitionReason } = await client.send(
      new GetEventSourceMappingCommand({ UUID: stream?.UUID }),
    );
    assert.deepEqual(
      [State, StateTransitionReason],
      ['Enabled', 'lambdad polls nothing here: AWS_ENDPOINT_URL_KINESIS is not set'],
    );
    await findsAll(1);
  });

  it('changes what was made', async () => {
    await apply(2);
    assert.equal(await output(2, 'greeting'), 'Good day, Ada?');
    const { Version, MemorySize, Environment } = await configuration();
    assert.deepEqual([Version, MemorySize, Environment], ['$LATEST', 192, { Variables: { GREETING: 'Good day' } }]);
    await findsAll(2);
  });

  it('takes over what another made', async () => {
    const uuid = (await mappings()).find(({ EventSourceArn }) => EventSourceArn?.endsWith(':work'))?.UUID ?? '';
    for (const [address, id] of [
      ['aws_lambda_alias.live', 'greeter/live'],
      ['aws_lambda_event_source_mapping.work', uuid],
      ['aws_lambda_function_event_invoke_config.live', 'greeter:live'],
      ['aws_lambda_function_url.live', 'greeter/live'],
      ['aws_lambda_permission.bucket', 'greeter/bucket'],
      ['aws_lambda_permission.everyone', 'greeter:live/everyone'],
    ] as const) {
      await terraform(2, 'state rm', address);
      await terraform(2, 'import', '-input=false', address, id);
    }
    await findsAll(2);
  });

  it('takes away what can be taken away', async () => {
    await apply(3);
    assert.equal(await output(3, 'greeting'), 'nothing');
    const { Environment, DeadLetterConfig, Layers, LoggingConfig } = await configuration();
    assert.deepEqual(
      [Environment, DeadLetterConfig, Layers, LoggingConfig],
      [undefined, undefined, undefined, { LogFormat: 'Text', LogGroup: '/greeter' }],
    );
    await findsAll(3);
  });

  it('takes everything away', async () => {
    await terraform(3, 'destroy', '-auto-approve', '-input=false');
    assert.deepEqual((await client.send(new ListFunctionsCommand({}))).Functions, []);
    assert.deepEqual(await mappings(), []);
  });
});
