import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { PreparationFailed } from '../../src/functions/activation.ts';
import type { OperationInputs } from '../../src/model/types.gen.ts';
import { ARN, createActive, handlerZip, makeWorld, ROLE, rejects, type World } from '../support/function-world.ts';

type CreateInput = OperationInputs['CreateFunction'];

const BAD_REVISION =
  'The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id';
const UNQUALIFIED_ONLY =
  'This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.';

async function input(more: Partial<CreateInput> = {}): Promise<CreateInput> {
  const base = { FunctionName: 'one', Runtime: 'nodejs24.x', Handler: 'index.handler', Role: ROLE } as const;
  return { ...base, Code: { ZipFile: await handlerZip() }, ...more };
}

describe('functions', { timeout: 10_000 }, () => {
  let world: World;
  beforeEach(async () => {
    world = await makeWorld();
  });
  afterEach(() => world.close());

  const shown = (FunctionName: string) => world.output('GetFunctionConfiguration', { FunctionName });

  it('is created Pending, with every default, and turns Active', async () => {
    const created = await world.output('CreateFunction', await input());
    const { RevisionId, RuntimeVersionConfig, CodeSha256, CodeSize, ...shown } = created;
    assert.deepEqual(shown, {
      FunctionName: 'one',
      FunctionArn: `${ARN}:one`,
      Runtime: 'nodejs24.x',
      Role: ROLE,
      Handler: 'index.handler',
      Description: '',
      Timeout: 3,
      MemorySize: 128,
      TracingConfig: { Mode: 'PassThrough' },
      PackageType: 'Zip',
      Architectures: ['x86_64'],
      EphemeralStorage: { Size: 512 },
      LoggingConfig: { LogFormat: 'Text', LogGroup: '/aws/lambda/one' },
      LastModified: '2023-11-14T22:13:20.000+0000',
      Version: '$LATEST',
      SnapStart: { ApplyOn: 'None', OptimizationStatus: 'Off' },
      State: 'Pending',
      StateReason: 'The function is being created.',
      StateReasonCode: 'Creating',
    });
    assert.equal(Buffer.from(CodeSha256 ?? '', 'base64').length, 32);
    assert.equal(CodeSize, (await handlerZip()).length);
    assert.match(RuntimeVersionConfig?.RuntimeVersionArn ?? '', /^arn:aws:lambda:eu-west-1::runtime:[0-9a-f]{64}$/);
    await world.activation.idle();
    const active = await world.output('GetFunctionConfiguration', { FunctionName: 'one' });
    assert.equal(active.State, 'Active');
    assert.equal(active.LastUpdateStatus, 'Successful');
    assert.equal(active.StateReason, undefined);
    assert.notEqual(active.RevisionId, RevisionId);
  });

  it('shows code, tags and reservation, and the link opens the zip for ten minutes', async () => {
    await createActive(world, 'one', { Tags: { team: 'a' } });
    await world.call('PutFunctionConcurrency', { FunctionName: 'one', ReservedConcurrentExecutions: 7 });
    const shown = await world.output('GetFunction', { FunctionName: `${ARN}:one:$LATEST` });
    assert.equal(shown.Configuration?.FunctionArn, `${ARN}:one:$LATEST`);
    assert.deepEqual(shown.Tags, { team: 'a' });
    assert.deepEqual(shown.Concurrency, { ReservedConcurrentExecutions: 7 });
    assert.equal(shown.Code?.RepositoryType, 'S3');
    const link = new URL(shown.Code?.Location ?? '');
    assert.deepEqual(
      await world.packages.openLink(link.pathname, link.searchParams),
      Uint8Array.from(await handlerZip()),
    );
    const forged = new URLSearchParams(link.searchParams);
    forged.set('X-Amz-Date', '20330101T000000Z');
    assert.equal(await world.packages.openLink(link.pathname, forged), undefined);
    world.clock.advance(601_000);
    assert.equal(await world.packages.openLink(link.pathname, link.searchParams), undefined);
  });

  it('refuses a name that is taken, too long, qualified, foreign, or of another region', async () => {
    await createActive(world, 'one');
    await rejects(
      world.call('CreateFunction', await input()),
      'ResourceConflictException',
      'Function already exist: one',
    );
    const long = 'a'.repeat(65);
    await rejects(
      world.call('CreateFunction', await input({ FunctionName: long })),
      'InvalidParameterValueException',
      `1 validation error detected: Value '${long}' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 64`,
    );
    await rejects(
      world.call('CreateFunction', await input({ FunctionName: 'one:1' })),
      'InvalidParameterValueException',
      UNQUALIFIED_ONLY,
    );
    await rejects(
      world.call('GetFunction', { FunctionName: 'arn:aws:lambda:us-east-1:123456789012:function:one' }),
      'ResourceNotFoundException',
      "Functions from 'us-east-1' are not reachable in this region ('eu-west-1')",
    );
    await rejects(
      world.call('GetFunction', { FunctionName: '999999999999:function:one' }),
      'AccessDeniedException',
      /not authorized/,
    );
  });

  it('is not found in another account or region, nor under a qualifier that it does not have', async () => {
    await createActive(world, 'one');
    const get = (FunctionName: string, as = {}) => world.call('GetFunction', { FunctionName }, as);
    await rejects(get('none'), 'ResourceNotFoundException', `Function not found: ${ARN}:none`);
    await rejects(get('one:10'), 'ResourceNotFoundException', `Function not found: ${ARN}:one:10`);
    await rejects(get('one:live'), 'ResourceNotFoundException', `Function not found: ${ARN}:one:live`);
    await rejects(get('one', { account: '000000000000' }), 'ResourceNotFoundException', /:000000000000:function:one$/);
    await rejects(get('one', { region: 'us-gov-west-1' }), 'ResourceNotFoundException', /arn:aws-us-gov:lambda:/);
    await rejects(
      world.call('GetFunction', { FunctionName: 'one:1', Qualifier: '2' }),
      'InvalidParameterValueException',
      'The derived qualifier from the function name does not match the specified qualifier.',
    );
  });

  it('publishes at once when asked to', async () => {
    const created = await world.output('CreateFunction', await input({ Publish: true }));
    assert.equal(created.Version, '1');
    assert.equal(created.FunctionArn, `${ARN}:one`);
    await world.activation.idle();
    const version = await world.output('GetFunctionConfiguration', { FunctionName: 'one:1' });
    assert.equal(version.State, 'Active');
    assert.equal(version.FunctionArn, `${ARN}:one:1`);
  });

  it('becomes Failed with the reason of its preparation', async () => {
    await world.close();
    const prepare = () => Promise.reject(new PreparationFailed('InvalidRuntime', 'no such interpreter here'));
    world = await makeWorld({ preparation: { prepare } });
    await createActive(world, 'one');
    const failed = await world.output('GetFunctionConfiguration', { FunctionName: 'one' });
    assert.equal(failed.State, 'Failed');
    assert.equal(failed.StateReason, 'no such interpreter here');
    assert.equal(failed.StateReasonCode, 'InvalidRuntime');
    await rejects(
      world.call('Invoke', { FunctionName: 'one' }),
      'ResourceConflictException',
      'The operation cannot be performed at this time. The function is currently in the following state: Failed',
    );
  });

  it('lists without states, 50 to a page, and with every version when asked', async () => {
    for (let index = 0; index < 52; index++) await createActive(world, `f${String(index).padStart(2, '0')}`);
    await world.call('PublishVersion', { FunctionName: 'f00' });
    const first = await world.output('ListFunctions', { MaxItems: 10_000 });
    assert.equal(first.Functions?.length, 50);
    assert.equal(first.Functions?.[0]?.FunctionArn, `${ARN}:f00`);
    assert.deepEqual(
      Object.keys(first.Functions?.[0] ?? {}).filter((key) => /^State|^LastUpdate|RuntimeVersion/.test(key)),
      [],
    );
    const rest = await world.output('ListFunctions', { Marker: first.NextMarker });
    assert.deepEqual(
      rest.Functions?.map((it) => it.FunctionName),
      ['f50', 'f51'],
    );
    assert.equal(rest.NextMarker, undefined);
    const arns: (string | undefined)[] = [];
    for (let marker: string | undefined, round = 0; round < 60; round++) {
      const page = await world.output('ListFunctions', { FunctionVersion: 'ALL', MaxItems: 1, Marker: marker });
      arns.push(...(page.Functions ?? []).map((it) => it.FunctionArn));
      marker = page.NextMarker;
      if (marker === undefined) break;
    }
    assert.deepEqual(arns.slice(0, 3), [`${ARN}:f00:$LATEST`, `${ARN}:f00:1`, `${ARN}:f01:$LATEST`]);
    assert.equal(arns.length, 53);
    const elsewhere = await world.output('ListFunctions', { FunctionVersion: 'ALL', MasterRegion: 'us-east-1' });
    assert.deepEqual(elsewhere.Functions, []);
    await rejects(world.call('ListFunctions', { Marker: 'nonsense' }), 'InvalidParameterValueException', /marker/);
  });

  it('updates code: in progress first, the old code served until then', async () => {
    await world.close();
    const gate = Promise.withResolvers<void>();
    let first = true;
    world = await makeWorld({
      preparation: {
        prepare: async () => {
          if (!first) await gate.promise;
          first = false;
        },
      },
    });
    await createActive(world, 'one');
    const before = await world.output('GetFunctionConfiguration', { FunctionName: 'one' });
    const zip = await handlerZip('exports.handler = async () => 2;');
    const dry = await world.output('UpdateFunctionCode', { FunctionName: 'one', ZipFile: zip, DryRun: true });
    assert.notEqual(dry.CodeSha256, before.CodeSha256);
    const unchanged = await world.output('GetFunctionConfiguration', { FunctionName: 'one' });
    assert.equal(unchanged.RevisionId, before.RevisionId);

    const updated = await world.output('UpdateFunctionCode', {
      FunctionName: 'one',
      ZipFile: zip,
      Architectures: ['arm64'],
      RevisionId: before.RevisionId,
    });
    assert.equal(updated.CodeSha256, dry.CodeSha256);
    assert.deepEqual(updated.Architectures, ['arm64']);
    assert.equal(updated.State, 'Active');
    assert.equal(updated.LastUpdateStatus, 'InProgress');
    assert.equal(updated.LastUpdateStatusReason, 'The function is being created.');
    assert.equal(updated.LastUpdateStatusReasonCode, 'Creating');
    await world.call('Invoke', { FunctionName: 'one' });
    const served = world.invoker.invoked[0]?.target.version.code.sha256 ?? '';
    assert.equal(Buffer.from(served, 'hex').toString('base64'), before.CodeSha256);

    const conflict = `The operation cannot be performed at this time. An update is in progress for resource: ${ARN}:one`;
    const again = world.call('UpdateFunctionConfiguration', { FunctionName: 'one', Timeout: 5 });
    await rejects(again, 'ResourceConflictException', conflict);
    await rejects(world.call('PublishVersion', { FunctionName: 'one' }), 'ResourceConflictException', conflict);
    gate.resolve();
    await world.activation.idle();
    const done = await world.output('GetFunctionConfiguration', { FunctionName: 'one' });
    assert.equal(done.LastUpdateStatus, 'Successful');
    assert.notEqual(done.RevisionId, updated.RevisionId);
    await world.call('Invoke', { FunctionName: 'one' });
    assert.notEqual(world.invoker.invoked[1]?.target.version.code.sha256, served);
  });

  it('refuses code from nowhere, from two places, from S3 and from an image', async () => {
    await createActive(world, 'one');
    const ZipFile = await handlerZip();
    const refused: readonly (readonly [Partial<OperationInputs['UpdateFunctionCode']>, string | RegExp])[] = [
      [{}, 'Please provide a source for function code.'],
      [{ ZipFile, S3Bucket: 'b' }, /do not provide other FunctionCode parameters/],
      [
        { S3Bucket: 'b', S3Key: 'k' },
        /^lambdad has no S3 endpoint to fetch function code from\. Please set AWS_ENDPOINT_URL_S3/,
      ],
      [{ ImageUri: 'i' }, "Please don't provide ImageUri when updating a function with packageType Zip."],
      [
        { ZipFile: Buffer.from('no zip') },
        'Could not unzip uploaded file. Please check your file, then try to upload again.',
      ],
    ];
    for (const [source, message] of refused)
      await rejects(
        world.call('UpdateFunctionCode', { FunctionName: 'one', ...source }),
        'InvalidParameterValueException',
        message,
      );
    await rejects(
      world.call('UpdateFunctionCode', { FunctionName: 'one', ZipFile, RevisionId: 'other' }),
      'PreconditionFailedException',
      BAD_REVISION,
    );
    await rejects(
      world.call('UpdateFunctionCode', { FunctionName: 'one:1', ZipFile }),
      'InvalidParameterValueException',
      UNQUALIFIED_ONLY,
    );
  });

  it('updates configuration, keeps the rest, and serves the old settings when the new ones fail', async () => {
    await world.close();
    const prepare = async ({ settings }: { settings: { timeoutS: number } }) => {
      if (settings.timeoutS === 9) throw new PreparationFailed('InvalidConfiguration', 'nine will not do');
    };
    world = await makeWorld({ preparation: { prepare } });
    await createActive(world, 'one', { MemorySize: 256, Environment: { Variables: { A: '1' } } });
    const configure = (more: Partial<OperationInputs['UpdateFunctionConfiguration']>) =>
      world.output('UpdateFunctionConfiguration', { FunctionName: 'one', ...more });
    world.clock.advance(5_000);
    const updated = await configure({ Timeout: 8, Description: 'eight' });
    assert.equal(updated.MemorySize, 256);
    assert.equal(updated.Timeout, 8);
    assert.deepEqual(updated.Environment, { Variables: { A: '1' } });
    assert.equal(updated.LastModified, '2023-11-14T22:13:25.000+0000');
    await world.activation.idle();
    await configure({ Timeout: 9 });
    await world.activation.idle();
    const failed = await world.output('GetFunctionConfiguration', { FunctionName: 'one' });
    assert.equal(failed.State, 'Active');
    assert.equal(failed.LastUpdateStatus, 'Failed');
    assert.equal(failed.LastUpdateStatusReason, 'nine will not do');
    await world.call('Invoke', { FunctionName: 'one' });
    assert.equal(world.invoker.invoked[0]?.target.version.settings.timeoutS, 8);
    await configure({ Timeout: 7 });
    await world.activation.idle();
    await world.call('Invoke', { FunctionName: 'one' });
    assert.equal(world.invoker.invoked[1]?.target.version.settings.timeoutS, 7);
  });

  it('keeps no key that encrypts nothing', async () => {
    const KMSKeyArn = 'arn:aws:kms:eu-west-1:123456789012:key/k';
    await createActive(world, 'one', { KMSKeyArn });
    assert.equal((await shown('one')).KMSKeyArn, undefined);
    const Environment = { Variables: { AB: '1' } };
    await world.call('UpdateFunctionConfiguration', { FunctionName: 'one', KMSKeyArn, Environment });
    await world.activation.idle();
    assert.equal((await shown('one')).KMSKeyArn, KMSKeyArn);
    await world.call('UpdateFunctionConfiguration', { FunctionName: 'one', Environment: { Variables: {} } });
    await world.activation.idle();
    assert.equal((await shown('one')).KMSKeyArn, undefined);
    const SnapStart = { ApplyOn: 'PublishedVersions' } as const;
    await createActive(world, 'snapshots', { Runtime: 'python3.13', SnapStart, KMSKeyArn });
    assert.equal((await shown('snapshots')).KMSKeyArn, KMSKeyArn);
  });

  it('keeps its variables when an update names none, and has no Environment once they were taken away', async () => {
    await createActive(world, 'empty', { Environment: { Variables: {} } });
    assert.deepEqual((await shown('empty')).Environment, { Variables: {} });
    await createActive(world, 'one', { Environment: { Variables: { AB: '1' } } });
    await world.call('UpdateFunctionConfiguration', { FunctionName: 'one', Environment: {} });
    await world.activation.idle();
    assert.deepEqual((await shown('one')).Environment, { Variables: { AB: '1' } });
    await world.call('UpdateFunctionConfiguration', { FunctionName: 'one', Environment: { Variables: {} } });
    await world.activation.idle();
    assert.equal((await shown('one')).Environment, undefined);
  });

  it('is deleted with all its versions and aliases; one version alone too, unless an alias needs it', async () => {
    await createActive(world, 'one', { Publish: true });
    await createActive(world, 'one2', { Publish: true });
    await world.call('CreateAlias', { FunctionName: 'one', Name: 'live', FunctionVersion: '1' });
    await world.call('CreateAlias', { FunctionName: 'one2', Name: 'live', FunctionVersion: '1' });
    const remove = (FunctionName: string) => world.call('DeleteFunction', { FunctionName });
    await rejects(
      remove('one:$LATEST'),
      'InvalidParameterValueException',
      '$LATEST version cannot be deleted without deleting the function.',
    );
    await rejects(
      remove('one:live'),
      'InvalidParameterValueException',
      'Deletion of aliases is not currently supported.',
    );
    await rejects(remove('one:1'), 'ResourceConflictException', /aliases reference it: \[live\]$/);
    assert.equal((await remove('one:17')).status, 204);
    assert.equal((await remove('one:01')).status, 204);
    assert.equal((await remove('one')).status, 204);
    assert.deepEqual(world.invoker.retired.at(-1), 'one');
    await rejects(remove('one'), 'ResourceNotFoundException', `Function not found: ${ARN}:one`);
    await rejects(
      world.call('GetAlias', { FunctionName: 'one', Name: 'live' }),
      'ResourceNotFoundException',
      `Cannot find alias arn: ${ARN}:one:live`,
    );
    assert.equal((await world.output('GetFunction', { FunctionName: 'one2:live' })).Configuration?.Version, '1');
    await world.call('DeleteAlias', { FunctionName: 'one2', Name: 'live' });
    await remove('one2:1');
    await rejects(world.call('GetFunction', { FunctionName: 'one2:1' }), 'ResourceNotFoundException', /one2:1$/);
  });

  it('never gives two creators the same name', async () => {
    const outcomes = await Promise.allSettled(
      Array.from({ length: 4 }, async () => world.call('CreateFunction', await input())),
    );
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  });

  it('refuses code beyond the storage of the account', async () => {
    await world.close();
    const size = (await handlerZip()).length;
    world = await makeWorld({ limits: { totalCodeSizeBytes: 2 * size } });
    await createActive(world, 'one', { Publish: true });
    await rejects(
      world.call('CreateFunction', await input({ FunctionName: 'two' })),
      'CodeStorageExceededException',
      'Code storage limit exceeded.',
    );
    await world.call('DeleteFunction', { FunctionName: 'one' });
    await createActive(world, 'two');
  });
});
