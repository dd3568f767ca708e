import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { OperationInputs } from '../../src/model/types.gen.ts';
import { ARN, createActive, makeWorld, rejects, type World } from '../support/function-world.ts';

let world: World;
beforeEach(async () => {
  world = await makeWorld();
  await createActive(world, 'one');
});
afterEach(() => world.close());

describe('tags', { timeout: 10_000 }, () => {
  const Resource = `${ARN}:one`;

  it('are added, replaced, listed and removed, each time with a new revision', async () => {
    const before = await world.output('GetFunctionConfiguration', { FunctionName: 'one' });
    await world.call('TagResource', { Resource, Tags: { a: '1', b: '2' } });
    await world.call('TagResource', { Resource, Tags: { b: '3', c: '' } });
    await world.call('UntagResource', { Resource, TagKeys: ['a', 'unknown'] });
    assert.deepEqual(await world.output('ListTags', { Resource }), { Tags: { b: '3', c: '' } });
    const after = await world.output('GetFunctionConfiguration', { FunctionName: 'one' });
    assert.notEqual(after.RevisionId, before.RevisionId);
  });

  it('are refused by name of what cannot have them', async () => {
    const tag = (resource: string, Tags: Record<string, string> = { a: '1' }) =>
      world.call('TagResource', { Resource: resource, Tags });
    await rejects(
      tag(`${Resource}:1`),
      'InvalidParameterValueException',
      'Tags on function aliases and versions are not supported. Please specify a function ARN.',
    );
    await rejects(tag(`${ARN}:none`), 'ResourceNotFoundException', `Function not found: ${ARN}:none`);
    const mapping = ARN.replace('function', 'event-source-mapping:0c9d9a5c-8e4a-4a0e-8d57-2b5a2e6a7f10');
    await rejects(tag(mapping), 'ResourceNotFoundException', `Event source mapping not found: ${mapping}`);
    const provider = ARN.replace('function', 'capacity-provider:p');
    await rejects(tag(provider), 'ResourceNotFoundException', `Capacity provider not found: ${provider}`);
    await rejects(
      tag(Resource, {}),
      'InvalidParameterValueException',
      'An error occurred and the request cannot be processed.',
    );
    await rejects(tag(Resource, { 'aws:x': '1' }), 'InvalidParameterValueException', /aws: prefixed/);
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`k${index}`, '']));
    await tag(Resource, many);
    await rejects(
      tag(Resource, { more: '' }),
      'InvalidParameterValueException',
      'Number of tags exceeds resource tag limit.',
    );
  });
});

describe('concurrency and account', { timeout: 10_000 }, () => {
  it('keeps the unreserved minimum', async () => {
    await createActive(world, 'two');
    const reserve = (FunctionName: string, ReservedConcurrentExecutions: number) =>
      world.output('PutFunctionConcurrency', { FunctionName, ReservedConcurrentExecutions });
    assert.deepEqual(await world.output('GetFunctionConcurrency', { FunctionName: 'one' }), {});
    assert.deepEqual(await reserve('one', 800), { ReservedConcurrentExecutions: 800 });
    await rejects(
      reserve('two', 101),
      'InvalidParameterValueException',
      "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].",
    );
    await reserve('two', 100);
    await reserve('one', 700);
    const { AccountLimit, AccountUsage } = await world.output('GetAccountSettings', {});
    assert.equal(AccountLimit?.UnreservedConcurrentExecutions, 200);
    assert.equal(AccountLimit?.TotalCodeSize, 80_530_636_800);
    assert.equal(AccountUsage?.FunctionCount, 2);
    assert.deepEqual(await world.output('GetFunctionConcurrency', { FunctionName: 'one' }), {
      ReservedConcurrentExecutions: 700,
    });
    await world.call('Invoke', { FunctionName: 'one' });
    assert.equal(world.invoker.invoked[0]?.target.reservedConcurrency, 700);
    await world.call('DeleteFunctionConcurrency', { FunctionName: 'one' });
    assert.deepEqual(await world.output('GetFunctionConcurrency', { FunctionName: 'one' }), {});
    await rejects(
      reserve('one:1', 1),
      'InvalidParameterValueException',
      /^This operation is permitted on Lambda functions only/,
    );
  });

  it('never lets reservations made at once go beyond the account', async () => {
    for (const name of ['two', 'three']) await createActive(world, name);
    const outcomes = await Promise.allSettled(
      ['one', 'two', 'three'].map((FunctionName) =>
        world.call('PutFunctionConcurrency', { FunctionName, ReservedConcurrentExecutions: 400 }),
      ),
    );
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 2);
  });
});

describe('Invoke', { timeout: 10_000 }, () => {
  const invoke = (more: Partial<OperationInputs['Invoke']> = {}, as = {}) =>
    world.call('Invoke', { FunctionName: 'one', ...more }, as);

  it('hands on what the caller sent and answers what came back', async () => {
    const clientContext = JSON.stringify({ client: { app: 'x' } });
    const answer = await invoke(
      {
        Payload: Buffer.from('{"a":1}'),
        LogType: 'Tail',
        ClientContext: Buffer.from(clientContext).toString('base64'),
      },
      { traceHeader: 'Root=1-5' },
    );
    const { target, request } = world.invoker.invoked[0] ?? assert.fail();
    assert.equal(target.invokedArn, `${ARN}:one`);
    assert.equal(target.version.version, '$LATEST');
    assert.deepEqual(request, {
      requestId: 'request-1',
      payload: Buffer.from('{"a":1}'),
      tail: true,
      clientContext,
      traceHeader: 'Root=1-5',
    });
    assert.equal(answer.output.StatusCode, 200);
    assert.equal(answer.output.ExecutedVersion, '$LATEST');
    assert.deepEqual(answer.output.Payload, Buffer.from('"ok"'));
    assert.deepEqual(answer.headers, { 'X-Amzn-Trace-Id': 'Root=1-0' });
  });

  it('gives an empty object for an empty payload', async () => {
    await invoke({ Payload: new Uint8Array() });
    assert.equal(String(world.invoker.invoked[0]?.request.payload), '{}');
  });

  it('only judges on a dry run', async () => {
    const answer = await invoke({ InvocationType: 'DryRun' });
    assert.equal(answer.status, 204);
    assert.deepEqual(answer.output, { StatusCode: 204 });
    await rejects(
      invoke({ InvocationType: 'DryRun', FunctionName: 'none' }),
      'ResourceNotFoundException',
      /none:\$LATEST$/,
    );
    assert.equal(world.invoker.invoked.length, 0);
  });

  it('says what it did not find with the qualifier that was meant', async () => {
    const missing = async (name: string, qualifier: string | undefined, shown: string) =>
      rejects(
        invoke({ FunctionName: name, Qualifier: qualifier }),
        'ResourceNotFoundException',
        `Function not found: ${ARN}:${shown}`,
      );
    await missing('none', undefined, 'none:$LATEST');
    await missing('none', '1', 'none:1');
    await missing('one', '7', 'one:7');
    await missing('one:nix', undefined, 'one:nix');
    await missing('one', '01', 'one:01');
    await missing('one', '9'.repeat(100), `one:${'9'.repeat(100)}`);
    await missing('one', '$LATEST.PUBLISHED', 'one:$LATEST.PUBLISHED');
  });

  it('refuses what is no JSON, too large, or of another type', async () => {
    await rejects(
      invoke({ Payload: Buffer.from('{"a":') }),
      'InvalidRequestContentException',
      /^Could not parse request body into json: Could not parse payload into json: Unexpected end-of-input/,
    );
    await rejects(
      invoke({ Payload: new Uint8Array(6_291_457) }),
      'RequestTooLargeException',
      'Request must be smaller than 6291456 bytes for the InvokeFunction operation',
    );
    await rejects(invoke({}, { contentType: 'multipart/form-data' }), 'UnsupportedMediaTypeException', /not JSON/);
    await rejects(
      invoke({ InvocationType: 'Event', Payload: new Uint8Array(1_048_577) }),
      'RequestTooLargeException',
      'Request must be smaller than 1048576 bytes for the InvokeFunction operation',
    );
    await rejects(invoke({ TenantId: 'a' }), 'InvalidParameterValueException', /tenancy/);
    await rejects(invoke({ ClientContext: `e30${'='.repeat(3581)}` }), 'InvalidRequestContentException', /3583/);
    for (const bad of ['!!', Buffer.from('[1]').toString('base64'), Buffer.from('{').toString('base64')])
      await rejects(
        invoke({ ClientContext: bad }),
        'InvalidRequestContentException',
        'Client context must be a valid Base64-encoded JSON object.',
      );
  });

  it('refuses while the function is Pending', async () => {
    const gate = Promise.withResolvers<void>();
    await world.close();
    world = await makeWorld({ preparation: { prepare: () => gate.promise } });
    const created = createActive(world, 'one');
    // The function is there as soon as a second look finds it; its preparation waits for the gate.
    for (let found = false; !found; ) {
      await new Promise((resolve) => setImmediate(resolve));
      found = await invoke().then(
        () => assert.fail('invoked a Pending function'),
        (error: Error) => error.name === 'ResourceConflictException',
      );
    }
    const pending =
      'The operation cannot be performed at this time. The function is currently in the following state: Pending';
    await rejects(invoke(), 'ResourceConflictException', pending);
    await rejects(
      world.call('UpdateFunctionConfiguration', { FunctionName: 'one', Timeout: 4 }),
      'ResourceConflictException',
      pending,
    );
    gate.resolve();
    await created;
    assert.equal((await invoke()).output.StatusCode, 200);
  });
});
