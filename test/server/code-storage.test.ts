import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { GetAccountSettingsCommand, type LambdaClient, PublishLayerVersionCommand } from '@aws-sdk/client-lambda';
import { createFunction } from '../support/functions.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { zipOf } from '../support/zip.ts';

const MEGABYTE = 1_048_576;
/** Bytes that no zip makes smaller, the same each time. */
const NOISE = createHash('shake256', { outputLength: 700 * 1024 })
  .update('noise')
  .digest();

describe('code storage', { timeout: 60_000 }, () => {
  let server: TestServer;
  let client: LambdaClient;

  before(async () => {
    server = await startTestServer({ args: ['--code-storage-mb', '1'] });
    client = server.client();
  });
  after(() => server.stop());

  it('is as large as --code-storage-mb says, for functions and layers together', async () => {
    const { AccountLimit } = await client.send(new GetAccountSettingsCommand({}));
    assert.equal(AccountLimit?.TotalCodeSize, MEGABYTE);
    await createFunction(client, 'large', { files: { 'index.js': 'exports.handler = async () => 1;', noise: NOISE } });
    const { AccountUsage } = await client.send(new GetAccountSettingsCommand({}));
    assert.ok((AccountUsage?.TotalCodeSize ?? 0) > MEGABYTE / 2, `${AccountUsage?.TotalCodeSize}`);
    const ZipFile = await zipOf({ more: NOISE });
    await assert.rejects(client.send(new PublishLayerVersionCommand({ LayerName: 'more', Content: { ZipFile } })), {
      name: 'CodeStorageExceededException',
      message: 'Code storage limit exceeded.',
    });
  });
});
