/** Settings and states of mappings from streams, with real functions and a real server of Kinesis: through public doors. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  DeleteFunctionCommand,
  DeleteFunctionConcurrencyCommand,
  PutFunctionConcurrencyCommand,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import { type Entry, tellingFunction, type Verdict } from '../async/ledger.ts';
import { createFunction } from '../support/functions.ts';
import { KinesisWorld, textsOf } from './kinesis-world.ts';

const numbers = (from: number, count: number) => Array.from({ length: count }, (_, at) => String(from + at));

describe('mappings from streams', { timeout: 600_000 }, () => {
  let world: KinesisWorld;
  const judges = new Map<string, (entry: Entry) => Verdict | Promise<Verdict>>();

  before(async () => {
    world = await KinesisWorld.start();
    world.ledger.judge = (entry) => judges.get(entry.functionName)?.(entry) ?? { result: null };
  });

  after(async () => {
    await world?.stop();
  });

  const deploy = (name: string, settings: object = {}) =>
    createFunction(world.client, name, { files: tellingFunction(world.ledger.url), ...settings });

  it('keep the order of each key in lanes that run at the same time', async () => {
    await deploy('lanes');
    const arn = await world.stream('lanes');
    const key = (text: string) => `key-${Number(text) % 5}`;
    await world.put('lanes', numbers(0, 60), key);
    let [running, most] = [0, 0];
    judges.set('lanes', async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 100));
      running--;
      return { result: null };
    });
    await world.map('lanes', arn, { ParallelizationFactor: 4, BatchSize: 5 });
    const runs = await world.runsWhen('lanes', (all) => all.flat().length === 60);
    for (const rest of [0, 1, 2, 3, 4])
      assert.deepEqual(
        runs.flat().filter((text) => Number(text) % 5 === rest),
        numbers(0, 60).filter((text) => Number(text) % 5 === rest),
      );
    assert.ok(most > 1, 'nothing ran at the same time');
    assert.ok(runs.every((run) => run.length <= 5));
  });

  it('halve a failed batch until the bad record is alone, which is given up after its retries', async () => {
    await deploy('halves');
    const arn = await world.stream('halves');
    await world.put('halves', numbers(0, 8));
    judges.set('halves', (entry) => (textsOf(entry).includes('5') ? { error: 'five' } : { result: null }));
    await world.map('halves', arn, { BisectBatchOnFunctionError: true, MaximumRetryAttempts: 1 });
    const runs = await world.runsWhen('halves', (all) => all.length === 8);
    assert.deepEqual(runs, [
      numbers(0, 8),
      numbers(0, 4),
      numbers(4, 4),
      numbers(4, 2),
      ['4'],
      ['5'],
      ['5'],
      ['6', '7'],
    ]);
  });

  it('go on at the lowest record that a function names, and count what MetricsConfig asks for', async () => {
    await deploy('partial');
    const arn = await world.stream('partial');
    await world.put('partial', numbers(0, 4));
    judges.set('partial', (entry) => {
      const { Records } = entry.event as { Records: { kinesis: { sequenceNumber: string } }[] };
      const at = textsOf(entry).length === 4 ? 2 : undefined;
      const failed = at === undefined ? [] : [{ itemIdentifier: Records[at]?.kinesis.sequenceNumber }];
      return { result: { batchItemFailures: failed } };
    });
    const uuid = await world.map('partial', arn, {
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      MetricsConfig: { Metrics: ['EventCount'] },
    });
    const runs = await world.runsWhen('partial', (all) => all.length === 2);
    assert.deepEqual(runs, [numbers(0, 4), ['2', '3']]);
    await world.mappingWhen(uuid, ({ LastProcessingResult }) => LastProcessingResult === 'OK');
    const metrics = await (await fetch(`${world.server.url}/metrics`)).text();
    const counted = (metric: string) =>
      metrics
        .split('\n')
        .find(
          (line) =>
            line.startsWith('lambdad_event_source_events_total') && line.includes(uuid) && line.includes(`"${metric}"`),
        );
    assert.match(counted('PolledEventCount') ?? '', / 4$/);
    assert.match(counted('InvokedEventCount') ?? '', / 6$/);
    assert.match(counted('FailedInvokeEventCount') ?? '', / 2$/);
    assert.match(metrics, new RegExp(`lambdad_event_source_iterator_age_seconds_count\\{mapping="${uuid}"\\} 2`));
  });

  it('hand the state of a tumbling window from invoke to invoke, and end it with an invoke of its own', async () => {
    await deploy('tumbling');
    const arn = await world.stream('tumbling');
    await world.put('tumbling', numbers(0, 4));
    type Windowed = { state: { seen?: number }; isFinalInvokeForWindow: boolean; shardId: string; Records: unknown[] };
    const seen = () =>
      world.ledger.entries
        .filter(({ functionName }) => functionName === 'tumbling')
        .map(({ event }) => event as Windowed);
    judges.set('tumbling', ({ event }) => {
      const { state, Records } = event as Windowed;
      return { result: { state: { seen: (state.seen ?? 0) + Records.length } } };
    });
    await world.map('tumbling', arn, { TumblingWindowInSeconds: 2, BatchSize: 1 });
    const total = () =>
      seen()
        .filter(({ isFinalInvokeForWindow }) => isFinalInvokeForWindow)
        .reduce((sum, { state }) => sum + (state.seen ?? 0), 0);
    await world.ledger.until(() => total() === 4);
    assert.ok(seen().every(({ isFinalInvokeForWindow: isFinal, Records }) => isFinal === (Records.length === 0)));
    assert.ok(seen().every(({ shardId }) => shardId === 'shardId-000000000000'));
  });

  it('wait while there is no slot, and count no attempt', async () => {
    await deploy('throttled');
    await world.client.send(
      new PutFunctionConcurrencyCommand({ FunctionName: 'throttled', ReservedConcurrentExecutions: 0 }),
    );
    const arn = await world.stream('throttled');
    await world.put('throttled', ['one']);
    const uuid = await world.map('throttled', arn, { MaximumRetryAttempts: 0 });
    await world.mappingWhen(uuid, ({ LastProcessingResult }) => LastProcessingResult?.includes('throttled') === true);
    assert.deepEqual(world.runs('throttled'), []);
    await world.client.send(new DeleteFunctionConcurrencyCommand({ FunctionName: 'throttled' }));
    assert.deepEqual(await world.runsWhen('throttled', (all) => all.length > 0), [['one']]);
    await world.mappingWhen(uuid, ({ LastProcessingResult }) => LastProcessingResult === 'OK');
  });

  it('take a timeout for a failure', async () => {
    await deploy('slow', { Timeout: 1 });
    const arn = await world.stream('slow');
    await world.put('slow', ['one']);
    const never = Promise.withResolvers<Verdict>();
    judges.set('slow', (entry) => (textsOf(entry).includes('one') ? never.promise : { result: null }));
    await world.map('slow', arn, { MaximumRetryAttempts: 1, BatchSize: 1 });
    await world.runsWhen('slow', (all) => all.length === 2);
    await world.put('slow', ['two']);
    const runs = await world.runsWhen('slow', (all) => all.flat().includes('two'));
    never.resolve({ result: null });
    assert.deepEqual(runs, [['one'], ['one'], ['two']]);
  });

  it('take a change up while they deliver, and filter from then on', async () => {
    await deploy('changed');
    const arn = await world.stream('changed');
    const uuid = await world.map('changed', arn);
    await world.mappingWhen(uuid, ({ State }) => State === 'Enabled');
    await world.put('changed', ['{"n":1}']);
    await world.runsWhen('changed', (all) => all.length === 1);
    const FilterCriteria = { Filters: [{ Pattern: '{"data":{"n":[3]}}' }] };
    const answer = await world.client.send(new UpdateEventSourceMappingCommand({ UUID: uuid, FilterCriteria }));
    assert.equal(answer.State, 'Updating');
    await world.mappingWhen(uuid, ({ State }) => State === 'Enabled');
    await world.put('changed', ['{"n":2}', '{"n":3}']);
    const runs = await world.runsWhen('changed', (all) => all.length === 2);
    assert.deepEqual(runs, [['{"n":1}'], ['{"n":3}']]);
  });

  it('say what is wrong with their source and come back with it, while others deliver', async () => {
    for (const name of ['broken', 'healthy']) await deploy(name);
    const [broken, healthy] = [await world.stream('broken'), await world.stream('healthy')];
    const [sick] = [await world.map('broken', broken), await world.map('healthy', healthy)];
    await world.put('broken', ['before']);
    await world.runsWhen('broken', (all) => all.length === 1);
    await world.mappingWhen(sick, ({ LastProcessingResult }) => LastProcessingResult === 'OK');
    await world.calls('DeleteStream', { StreamName: 'broken' });
    await world.mappingWhen(
      sick,
      ({ LastProcessingResult }) => LastProcessingResult === `PROBLEM: Stream not found: ${broken}`,
    );
    await world.put('healthy', ['one']);
    assert.deepEqual(await world.runsWhen('healthy', (all) => all.length > 0), [['one']]);
    await world.stream('broken');
    await world.put('broken', ['after']);
    assert.deepEqual(await world.runsWhen('broken', (all) => all.flat().includes('after')), [['before'], ['after']]);
    await world.mappingWhen(sick, ({ LastProcessingResult }) => LastProcessingResult === 'OK');
  });

  it('wait for a function that was deleted, and go on with the one that has its name', async () => {
    await deploy('deleted');
    const arn = await world.stream('deleted');
    const uuid = await world.map('deleted', arn, { MaximumRetryAttempts: 0 });
    await world.mappingWhen(uuid, ({ State }) => State === 'Enabled');
    await world.client.send(new DeleteFunctionCommand({ FunctionName: 'deleted' }));
    await world.put('deleted', ['one']);
    const { State } = await world.mappingWhen(
      uuid,
      ({ LastProcessingResult }) => LastProcessingResult?.startsWith('PROBLEM') === true,
    );
    assert.equal(State, 'Enabled');
    await deploy('deleted');
    assert.deepEqual(await world.runsWhen('deleted', (all) => all.length > 0), [['one']]);
  });

  it('rest as they were to be on a server that knows no Kinesis, say so, and come to life on one that does', async () => {
    await deploy('resting');
    const arn = await world.stream('resting');
    const uuid = await world.map('resting', arn);
    // Killed in a passing state.
    assert.equal((await world.mapping(uuid)).State, 'Creating');
    await world.server.kill();
    await world.startServer({ AWS_ENDPOINT_URL_KINESIS: undefined });
    const inert = await world.mappingWhen(uuid, ({ State }) => State === 'Enabled');
    assert.equal(inert.StateTransitionReason, 'lambdad polls nothing here: AWS_ENDPOINT_URL_KINESIS is not set');
    await world.put('resting', ['one']);
    await world.server.stop();
    await world.startServer();
    await world.runsWhen('resting', (all) => all.length === 1);
    const mapping = await world.mappingWhen(uuid, ({ StateTransitionReason: says }) => says === 'User action');
    assert.equal(mapping.State, 'Enabled');
  });
});
