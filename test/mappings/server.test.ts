// What crosses the wire: statuses, epoch seconds, paths, and a mapping that outlives its server.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  CreateEventSourceMappingCommand,
  DeleteEventSourceMappingCommand,
  GetEventSourceMappingCommand,
  type LambdaClient,
  ListEventSourceMappingsCommand,
  ResourceNotFoundException,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import { createFunction } from '../support/functions.ts';
import { startTestServer } from '../support/server.ts';

const QUEUE = 'arn:aws:sqs:us-east-1:000000000000:orders';
const WAIT_MS = 50;
const WAITS_MAX = 100;

async function untilState(client: LambdaClient, UUID: string, wanted: string | undefined): Promise<void> {
  for (let waits = 0; waits < WAITS_MAX; waits++) {
    const state = await client.send(new GetEventSourceMappingCommand({ UUID })).then(
      ({ State }) => State,
      (error: unknown) => {
        if (error instanceof ResourceNotFoundException) return undefined;
        throw error;
      },
    );
    if (state === wanted) return;
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
  }
  assert.fail(`${UUID} did not become ${wanted}`);
}

test('a mapping lives through updates, a restart and its end', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'lambdad-mappings-'));
  const first = await startTestServer({ dataDir });
  const client = first.client();
  await createFunction(client, 'f', { files: { 'index.js': 'exports.handler = async () => 1;' } });
  const created = await client.send(new CreateEventSourceMappingCommand({ FunctionName: 'f', EventSourceArn: QUEUE }));
  const { UUID = '' } = created;
  assert.equal(created.$metadata.httpStatusCode, 202);
  assert.ok(created.LastModified instanceof Date && Math.abs(created.LastModified.getTime() - Date.now()) < 60_000);
  await untilState(client, UUID, 'Enabled');
  const updated = await client.send(new UpdateEventSourceMappingCommand({ UUID, BatchSize: 5 }));
  assert.deepEqual([updated.$metadata.httpStatusCode, updated.State, updated.BatchSize], [202, 'Updating', 5]);
  await untilState(client, UUID, 'Enabled');
  await client.send(new DeleteEventSourceMappingCommand({ UUID }));
  await first.kill();

  const second = await startTestServer({ dataDir });
  const again = second.client();
  await untilState(again, UUID, undefined);
  const { EventSourceMappings } = await again.send(new ListEventSourceMappingsCommand({ FunctionName: 'f' }));
  assert.deepEqual(EventSourceMappings, []);
  await second.stop();
  rmSync(dataDir, { recursive: true, force: true });
});
