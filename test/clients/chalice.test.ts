// A framework that deploys through the API itself, unmodified: Chalice makes a role, functions and a mapping, changes them,
// invokes, reads logs and takes it all away.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ListEventSourceMappingsCommand, ListFunctionsCommand } from '@aws-sdk/client-lambda';
import { CreateQueueCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { inFullOnly } from '../proof/extent.ts';
import { runClient } from '../support/client-process.ts';
import { type Moto, skipWithoutMoto, startMoto } from '../support/moto.ts';
import { skipUnless } from '../support/requirement.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { neighbourVariables } from './neighbours.ts';
import { until } from './story.ts';

/** Where Chalice is in an environment of its own, this names its interpreter: the one with boto3. */
const python = process.env['PYTHON_WITH_BOTO3'] ?? 'python3';
/** The first argument is the file that it reads for its input. */
const RUN = 'import sys; from chalice.cli import main; sys.stdin = open(sys.argv.pop(1)); main()';
const isThere = () => spawnSync(python, ['-c', 'import chalice'], { stdio: 'ignore' }).status === 0;
const skip =
  inFullOnly ||
  skipUnless(isThere(), 'needs Chalice for python3, or an interpreter that has it in PYTHON_WITH_BOTO3') ||
  skipWithoutMoto();

const CONFIG = {
  version: '2.0',
  app_name: 'greeter',
  stages: { dev: { environment_variables: { GREETING: 'Hello' }, lambda_timeout: 10, tags: { team: 'one' } } },
};

function program(punctuation: string): string {
  return `import os
from chalice import Chalice
app = Chalice(app_name="greeter")

@app.lambda_function(name="hello")
def hello(event, context):
    return os.environ["GREETING"] + ", " + event["name"] + "${punctuation}"

@app.on_sqs_message(queue="work", batch_size=2)
def work(event):
    for record in event:
        print("worked on", record.body)
`;
}

describe('Chalice', { skip, timeout: 180_000 }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'lambdad-chalice-'));
  const app = join(dir, 'app');
  const event = join(dir, 'event.json');
  let moto: Moto;
  let server: TestServer;

  before(async () => {
    mkdirSync(join(app, '.chalice'), { recursive: true });
    writeFileSync(join(app, '.chalice', 'config.json'), JSON.stringify(CONFIG));
    writeFileSync(join(app, 'requirements.txt'), '');
    writeFileSync(event, '{"name":"Ada"}');
    writeFileSync(join(app, 'app.py'), program('!'));
    moto = await startMoto({ MOTO_ACCOUNT_ID: '000000000000' });
    server = await startTestServer({ env: neighbourVariables(moto.url) });
  });
  after(async () => {
    await server?.stop();
    await moto?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  /** `chalice COMMAND …` on the project; roles are moto's, functions and logs the server's. */
  const chalice = async (...command: readonly string[]): Promise<string> => {
    const argv = ['-c', RUN, event, '--project-dir', app, ...command];
    return (await runClient(python, argv, server, { AWS_ENDPOINT_URL: moto.url })).stdout;
  };
  const hello = async () => (await chalice('invoke', '-n', 'hello')).trim();

  it('deploys functions with their role and their queue', async () => {
    const sqs = new SQSClient({
      endpoint: moto.url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    try {
      const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'work' }));
      const deployed = await chalice('deploy');
      for (const name of ['hello', 'work'])
        assert.ok(
          deployed.includes(`Lambda ARN: arn:aws:lambda:us-east-1:000000000000:function:greeter-dev-${name}\n`),
        );
      assert.equal(await hello(), '"Hello, Ada!"');
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'this' }));
      await until(
        () => chalice('logs', '-n', 'work'),
        (log) => log.includes('worked on this'),
      );
    } finally {
      sqs.destroy();
    }
  });

  it('deploys what has changed', async () => {
    writeFileSync(join(app, 'app.py'), program('?'));
    assert.match(await chalice('deploy'), /Updating lambda function: greeter-dev-hello\n/);
    assert.equal(await hello(), '"Hello, Ada?"');
  });

  it('takes everything away', async () => {
    assert.match(await chalice('delete'), /Deleting IAM role: greeter-dev\n/);
    const client = server.client();
    assert.deepEqual((await client.send(new ListFunctionsCommand({}))).Functions, []);
    await until(
      async () => (await client.send(new ListEventSourceMappingsCommand({}))).EventSourceMappings ?? [],
      (mappings) => mappings.length === 0,
    );
  });
});
