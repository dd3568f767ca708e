import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { LambdaClient, Runtime } from '@aws-sdk/client-lambda';
import { createFunction, invokeFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';

/** What a function of every runtime finds, as recorded from AWS. */
const EVERYWHERE = [
  'AWS_ACCESS_KEY_ID',
  'AWS_DEFAULT_REGION',
  'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
  'AWS_LAMBDA_FUNCTION_NAME',
  'AWS_LAMBDA_FUNCTION_VERSION',
  'AWS_LAMBDA_INITIALIZATION_TYPE',
  'AWS_LAMBDA_LOG_GROUP_NAME',
  'AWS_LAMBDA_LOG_STREAM_NAME',
  'AWS_LAMBDA_METADATA_API',
  'AWS_LAMBDA_METADATA_TOKEN',
  'AWS_LAMBDA_RUNTIME_API',
  'AWS_REGION',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_XRAY_CONTEXT_MISSING',
  'AWS_XRAY_DAEMON_ADDRESS',
  'LAMBDA_RUNTIME_DIR',
  'LAMBDA_TASK_ROOT',
  'LANG',
  'LD_LIBRARY_PATH',
  'PATH',
  'SHLVL',
  'TZ',
  '_AWS_XRAY_DAEMON_ADDRESS',
  '_AWS_XRAY_DAEMON_PORT',
  '_HANDLER',
];
const MANAGED = [...EVERYWHERE, 'AWS_EXECUTION_ENV', 'PWD', '_X_AMZN_TRACE_ID'];

const node = { files: { 'index.js': 'exports.handler = async () => process.env;' } };
const python = {
  files: { 'index.py': 'import os\ndef handler(event, context): return dict(os.environ)' },
  Runtime: 'python3.13' as Runtime,
};
type Environment = Readonly<Record<string, string>>;

describe('the variables of a function', { timeout: 60_000 }, () => {
  let server: TestServer;
  let client: LambdaClient;

  before(async () => {
    server = await startTestServer({ args: ['--nearest-runtime'] });
    client = server.client();
  });

  after(() => server?.stop());

  async function environmentOf(name: string, options: Parameters<typeof createFunction>[2]): Promise<Environment> {
    await createFunction(client, name, { Timeout: 30, ...options });
    const { payload, error } = await invokeFunction(client, name);
    assert.equal(error, undefined, JSON.stringify(payload));
    return payload as Environment;
  }

  it('are those that AWS gives, and no others', async () => {
    const ofNode = await environmentOf('node', node);
    assert.deepEqual(Object.keys(ofNode).sort(), [...MANAGED, 'NODE_PATH'].sort());
    const ofPython = await environmentOf('python', python);
    assert.deepEqual(Object.keys(ofPython).sort(), [...MANAGED, 'LC_CTYPE', 'PYTHONPATH'].sort());
    for (const { AWS_LAMBDA_RUNTIME_API: api, AWS_LAMBDA_METADATA_API: metadata } of [ofNode, ofPython])
      assert.equal(metadata, api);
  });

  it('of a custom runtime are fewer', async () => {
    const files = { bootstrap: { content: '#!/bin/sh\nenv\nexit 1\n', mode: 0o755 } };
    await createFunction(client, 'provided', { files, Runtime: 'provided.al2023' as Runtime });
    const { log } = await invokeFunction(client, 'provided');
    const names = [...log.matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name as string);
    // The shell adds its own directory.
    assert.deepEqual([...new Set(names)].filter((name) => name !== 'PWD').sort(), [...EVERYWHERE].sort());
  });

  it('may be replaced by its own where AWS allows that', async () => {
    const own = {
      AWS_XRAY_CONTEXT_MISSING: 'RUNTIME_ERROR',
      AWS_XRAY_DAEMON_ADDRESS: '127.0.0.1:3000',
      LANG: 'de_DE.UTF-8',
      NODE_PATH: '/own',
      PWD: '/own',
      SHLVL: '7',
      TZ: 'Europe/Vienna',
      OWN: 'own',
    };
    const found = await environmentOf('own', { ...node, Environment: { Variables: own } });
    const { PWD, SHLVL, ...replaced } = own;
    for (const [name, value] of Object.entries(replaced)) assert.equal(found[name], value, name);
    assert.equal(found['PWD'], '/var/task');
    assert.notEqual(found['SHLVL'], SHLVL);
    assert.notEqual(found['PWD'], PWD);
  });

  it('tell of the format of logs when that is JSON', async () => {
    const logging = { LogFormat: 'JSON', ApplicationLogLevel: 'WARN' } as const;
    const found = await environmentOf('json', { ...node, LoggingConfig: logging });
    assert.equal(found['AWS_LAMBDA_LOG_FORMAT'], 'JSON');
    assert.equal(found['AWS_LAMBDA_LOG_LEVEL'], 'WARN');
  });
});
