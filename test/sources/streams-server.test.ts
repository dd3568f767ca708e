/** A stream of Kinesis behind a function of the server: everything through public doors. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  CreateEventSourceMappingCommand,
  DeleteEventSourceMappingCommand,
  GetEventSourceMappingCommand,
  type LambdaClient,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import { type Ledger, startLedger, tellingFunction } from '../async/ledger.ts';
import { createFunction } from '../support/functions.ts';
import { type KinesisLocal, startKinesisLocal } from '../support/kinesis-local.ts';
import { startTestServer, type TestServer } from '../support/server.ts';
import { type Calls, callsOf } from './aws-double.ts';

const StreamName = 'orders';
const EventSourceArn = `arn:aws:kinesis:us-east-1:000000000000:stream/${StreamName}`;

describe('a mapping from a stream', { timeout: 240_000 }, () => {
  let dataDir: string;
  let kinesis: KinesisLocal;
  let calls: Calls;
  let ledger: Ledger;
  let server: TestServer;
  let client: LambdaClient;

  const start = async () => {
    const env = { AWS_ENDPOINT_URL_KINESIS: kinesis.url };
    server = await startTestServer({ dataDir, args: ['--sandbox', 'process'], env });
    client = server.client();
  };

  before(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'lambdad-streams-'));
    [kinesis, ledger] = await Promise.all([startKinesisLocal(), startLedger()]);
    calls = callsOf(kinesis.url, 'kinesis', '000000000000');
    await calls('CreateStream', { StreamName, ShardCount: 1 });
    await start();
    await createFunction(client, 'reader', { files: tellingFunction(ledger.url) });
  });

  after(async () => {
    await server?.stop();
    await Promise.all([kinesis?.stop(), ledger?.close()]);
    rmSync(dataDir, { recursive: true, force: true });
  });

  const put = (text: string) =>
    calls('PutRecord', { StreamName, PartitionKey: 'k', Data: Buffer.from(text).toString('base64') });
  const texts = () =>
    ledger.entries.flatMap(({ event }) =>
      (event as { Records: { kinesis: { data: string } }[] }).Records.map((record) =>
        Buffer.from(record.kinesis.data, 'base64').toString(),
      ),
    );

  async function rest(UUID: string, state: string): Promise<string | undefined> {
    for (const giveUpAt = performance.now() + 30_000; performance.now() < giveUpAt; ) {
      const mapping = await client.send(new GetEventSourceMappingCommand({ UUID }));
      if (mapping.State === state) return mapping.LastProcessingResult;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`the mapping did not become ${state}`);
  }

  it('delivers, stops where it is disabled, and goes on behind its checkpoint, also after kill -9', async () => {
    await put('one');
    const input = { FunctionName: 'reader', EventSourceArn, StartingPosition: 'TRIM_HORIZON' } as const;
    const { UUID = '' } = await client.send(new CreateEventSourceMappingCommand(input));
    const [first] = await ledger.runsOf('reader', 1);
    const { Records } = (first ?? assert.fail('nothing ran')).event as { Records: { invokeIdentityArn: string }[] };
    assert.equal(Records[0]?.invokeIdentityArn, 'arn:aws:iam::000000000000:role/test');
    await rest(UUID, 'Enabled');
    await client.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: false }));
    await rest(UUID, 'Disabled');
    await put('two');
    await client.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: true }));
    await ledger.runsOf('reader', 2);
    assert.equal(await rest(UUID, 'Enabled'), 'OK');
    await server.kill();
    await put('three');
    await start();
    await ledger.runsOf('reader', 3);
    assert.deepEqual([...new Set(texts())], ['one', 'two', 'three']);
    await client.send(new DeleteEventSourceMappingCommand({ UUID }));
    const count = ledger.entries.length;
    for (;;) {
      const gone = await client.send(new GetEventSourceMappingCommand({ UUID })).catch(() => undefined);
      if (gone === undefined) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    // A new mapping of the same pair knows nothing of the one before.
    await client.send(new CreateEventSourceMappingCommand(input));
    await ledger.runsOf('reader', count + 1);
    assert.deepEqual(texts().slice(-3), ['one', 'two', 'three']);
  });
});
