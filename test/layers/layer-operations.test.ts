import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { NeighbourRefusal, type Neighbours } from '../../src/neighbours/neighbours.ts';
import { ACCOUNT, makeWorld, REGION, rejects, type World } from '../support/function-world.ts';
import { zipOf } from '../support/zip.ts';

const LAYER = `arn:aws:lambda:${REGION}:${ACCOUNT}:layer`;
const NOT_FOUND = 'The resource you requested does not exist.';

const layerZip = (text = 'one') => zipOf({ 'lib/file.txt': text });

async function publish(world: World, name: string, more: object = {}) {
  return world.output('PublishLayerVersion', { LayerName: name, Content: { ZipFile: await layerZip() }, ...more });
}

async function versionsOf(world: World, name: string): Promise<(number | undefined)[]> {
  const { LayerVersions = [] } = await world.output('ListLayerVersions', { LayerName: name });
  return LayerVersions.map(({ Version }) => Version);
}

describe('a layer', { timeout: 20_000 }, () => {
  let world: World;
  beforeEach(async () => {
    world = await makeWorld();
  });
  afterEach(() => world.close());

  it('is published with all that was said of it', async () => {
    const published = await publish(world, 'tools', {
      Description: 'what we use',
      LicenseInfo: 'MIT',
      CompatibleRuntimes: ['python3.13', 'nodejs24.x'],
      CompatibleArchitectures: ['arm64'],
    });
    const { Location, ...content } = published.Content ?? {};
    const zip = await layerZip();
    const { sha256 } = await world.packages.inspect(zip);
    assert.deepEqual(
      { ...published, Content: content },
      {
        Content: { CodeSha256: Buffer.from(sha256, 'hex').toString('base64'), CodeSize: zip.length },
        LayerArn: `${LAYER}:tools`,
        LayerVersionArn: `${LAYER}:tools:1`,
        Version: 1,
        Description: 'what we use',
        CreatedDate: new Date(world.clock.now()).toISOString().replace('Z', '+0000'),
        CompatibleArchitectures: ['arm64'],
        CompatibleRuntimes: ['python3.13', 'nodejs24.x'],
        LicenseInfo: 'MIT',
      },
    );
    const link = new URL(Location ?? '');
    assert.deepEqual(await world.packages.openLink(link.pathname, link.searchParams), Uint8Array.from(zip));
    world.clock.advance(11 * 60_000);
    assert.equal(await world.packages.openLink(link.pathname, link.searchParams), undefined);
  });

  it('leaves out what was not said, and shows an empty description', async () => {
    const published = await publish(world, 'plain');
    assert.deepEqual(Object.keys(published).sort(), [
      'Content',
      'CreatedDate',
      'Description',
      'LayerArn',
      'LayerVersionArn',
      'Version',
    ]);
    assert.equal(published.Description, '');
  });

  it('gets a new number with each publishing, never one that was used, also by its ARN', async () => {
    const first = await publish(world, 'tools');
    const second = await publish(world, `${LAYER}:tools`);
    assert.deepEqual([first.Version, second.Version], [1, 2]);
    await world.call('DeleteLayerVersion', { LayerName: 'tools', VersionNumber: 1 });
    await world.call('DeleteLayerVersion', { LayerName: `${LAYER}:tools`, VersionNumber: 2 });
    assert.deepEqual(await versionsOf(world, 'tools'), []);
    assert.deepEqual(await world.output('ListLayers', {}), { Layers: [] });
    assert.equal((await publish(world, 'tools')).Version, 3);
  });

  it('gets numbers without a gap when many publish at once', async () => {
    const published = await Promise.all(Array.from({ length: 12 }, () => publish(world, 'tools')));
    assert.deepEqual(
      published.map(({ Version }) => Version).sort((a, b) => Number(a) - Number(b)),
      Array.from({ length: 12 }, (_, index) => index + 1),
    );
    assert.deepEqual((await versionsOf(world, 'tools')).slice(0, 4), [12, 11, 10, 9]);
  });

  it('is found by number and by ARN', async () => {
    const { Content: _content, ...published } = await publish(world, 'tools', { LicenseInfo: 'MIT' });
    for (const answer of [
      await world.output('GetLayerVersion', { LayerName: 'tools', VersionNumber: 1 }),
      await world.output('GetLayerVersion', { LayerName: `${LAYER}:tools`, VersionNumber: 1 }),
      await world.output('GetLayerVersionByArn', { Arn: `${LAYER}:tools:1` }),
    ]) {
      const { Content, ...rest } = answer;
      assert.deepEqual(rest, published);
      assert.match(Content?.Location ?? '', /^http:\/\/127\.0\.0\.1:2015\//);
    }
  });

  it('that does not exist is told as AWS does', async () => {
    await publish(world, 'tools');
    const missing = (promise: Promise<unknown>) => rejects(promise, 'ResourceNotFoundException', NOT_FOUND);
    await missing(world.call('GetLayerVersion', { LayerName: 'none', VersionNumber: 1 }));
    await missing(world.call('GetLayerVersion', { LayerName: 'tools', VersionNumber: 2 }));
    await missing(world.call('GetLayerVersion', { LayerName: 'tools', VersionNumber: 99_999_999_999 }));
    await missing(world.call('GetLayerVersionByArn', { Arn: `${LAYER}:tools:2` }));
    await missing(world.call('GetLayerVersionByArn', { Arn: `${LAYER}:tools:01` }));
    await missing(world.call('GetLayerVersionByArn', { Arn: `${LAYER.replace(REGION, 'us-east-1')}:tools:1` }));
    await missing(world.call('GetLayerVersionByArn', { Arn: 'arn:aws:lambda:::awslayer:AmazonLinux' }));
    assert.deepEqual(await world.output('DeleteLayerVersion', { LayerName: 'none', VersionNumber: 1 }), {});
    assert.deepEqual(await world.output('ListLayerVersions', { LayerName: 'none' }), { LayerVersions: [] });
    for (const VersionNumber of [0, -1])
      for (const operation of ['GetLayerVersion', 'DeleteLayerVersion'] as const)
        await rejects(
          world.call(operation, { LayerName: 'tools', VersionNumber }),
          'InvalidParameterValueException',
          'Layer Version Cannot be less than 1',
        );
  });

  it('of another account is refused, and seen by nobody else', async () => {
    await publish(world, 'tools');
    const other = { account: '999999999999' };
    const arn = `${LAYER}:tools:1`;
    await rejects(
      world.call('GetLayerVersionByArn', { Arn: arn }, other),
      'AccessDeniedException',
      `User: arn:aws:iam::999999999999:root is not authorized to perform: lambda:GetLayerVersion on resource: ${LAYER}:tools because no resource-based policy allows the lambda:GetLayerVersion action`,
    );
    await rejects(
      world.call('PublishLayerVersion', { LayerName: `${LAYER}:tools`, Content: { ZipFile: await layerZip() } }, other),
      'AccessDeniedException',
      /lambda:PublishLayerVersion/,
    );
    for (const as of [other, { region: 'us-east-1' }])
      assert.deepEqual((await world.call('ListLayers', {}, as)).output, { Layers: [] });
  });

  it('is listed by its newest version that matches, page by page', async () => {
    await publish(world, 'b-node', { CompatibleRuntimes: ['nodejs24.x'], CompatibleArchitectures: ['x86_64'] });
    await publish(world, 'b-node', { CompatibleRuntimes: ['nodejs22.x'], CompatibleArchitectures: ['arm64'] });
    await publish(world, 'a-any');
    await publish(world, 'c-both', { CompatibleRuntimes: ['nodejs24.x', 'python3.13'] });
    const list = async (filter: object) => {
      const { Layers = [] } = await world.output('ListLayers', filter);
      return Layers.map(({ LayerName, LatestMatchingVersion }) => `${LayerName}:${LatestMatchingVersion?.Version}`);
    };
    assert.deepEqual(await list({}), ['a-any:1', 'b-node:2', 'c-both:1']);
    assert.deepEqual(await list({ CompatibleRuntime: 'nodejs24.x' }), ['b-node:1', 'c-both:1']);
    assert.deepEqual(await list({ CompatibleRuntime: 'nodejs24.x', CompatibleArchitecture: 'arm64' }), []);
    assert.deepEqual(await list({ CompatibleArchitecture: 'arm64' }), ['b-node:2']);
    const first = await world.output('ListLayers', { MaxItems: 2 });
    assert.equal(first.Layers?.length, 2);
    assert.deepEqual(await list({ Marker: first.NextMarker }), ['c-both:1']);
    const [item] = first.Layers ?? [];
    assert.deepEqual(Object.keys(item ?? {}), ['LayerName', 'LayerArn', 'LatestMatchingVersion']);
    assert.equal('Content' in (item?.LatestMatchingVersion ?? {}), false);
  });

  it('lists its versions newest first, filtered and page by page', async () => {
    for (const runtime of ['nodejs24.x', 'python3.13', 'nodejs24.x'])
      await publish(world, 'tools', { CompatibleRuntimes: [runtime] });
    await publish(world, 'tools-2');
    assert.deepEqual(await versionsOf(world, `${LAYER}:tools`), [3, 2, 1]);
    const nodes = await world.output('ListLayerVersions', { LayerName: 'tools', CompatibleRuntime: 'nodejs24.x' });
    assert.deepEqual(
      nodes.LayerVersions?.map(({ Version }) => Version),
      [3, 1],
    );
    const first = await world.output('ListLayerVersions', { LayerName: 'tools', MaxItems: 1 });
    assert.deepEqual(Object.keys(first.LayerVersions?.[0] ?? {}).sort(), [
      'CompatibleRuntimes',
      'CreatedDate',
      'Description',
      'LayerVersionArn',
      'Version',
    ]);
    // What was deleted between two pages does not disturb the second.
    await world.call('DeleteLayerVersion', { LayerName: 'tools', VersionNumber: 3 });
    const rest = await world.output('ListLayerVersions', { LayerName: 'tools', Marker: first.NextMarker });
    assert.deepEqual(
      rest.LayerVersions?.map(({ Version }) => Version),
      [2, 1],
    );
    assert.equal(rest.NextMarker, undefined);
    await rejects(
      world.call('ListLayerVersions', { LayerName: 'tools', Marker: 'nonsense' }),
      'InvalidParameterValueException',
      "The marker 'nonsense' is not valid.",
    );
  });

  it('takes part in the account’s code storage', async () => {
    const { length } = await layerZip();
    await publish(world, 'tools');
    await publish(world, 'tools');
    const { AccountUsage } = await world.output('GetAccountSettings', {});
    assert.deepEqual(AccountUsage, { TotalCodeSize: 2 * length, FunctionCount: 0 });
    await world.call('DeleteLayerVersion', { LayerName: 'tools', VersionNumber: 1 });
    assert.equal((await world.output('GetAccountSettings', {})).AccountUsage?.TotalCodeSize, length);
    await world.close();
    world = await makeWorld({ limits: { totalCodeSizeBytes: length } });
    await publish(world, 'tools');
    await rejects(publish(world, 'tools'), 'CodeStorageExceededException', 'Code storage limit exceeded.');
  });
});

describe('the content of a layer', { timeout: 20_000 }, () => {
  const source = async (Content: object, { neighbours, limits }: Parameters<typeof makeWorld>[0] = {}) => {
    const world = await makeWorld({ ...(neighbours ? { neighbours } : {}), ...(limits ? { limits } : {}) });
    try {
      return await world.output('PublishLayerVersion', { LayerName: 'tools', Content });
    } finally {
      await world.close();
    }
  };
  const s3 = (getObject: NonNullable<Neighbours['s3']>['getObject']) => ({ neighbours: { s3: { getObject } } });
  const inS3 = { S3Bucket: 'bucket', S3Key: 'layer.zip' };

  it('has to be a zip of a bounded size, and of one source', async () => {
    const invalid = (promise: Promise<unknown>, text: string) =>
      rejects(promise, 'InvalidParameterValueException', text);
    const broken = 'Could not unzip uploaded file. Please check your file, then try to upload again.';
    await invalid(source({ ZipFile: Buffer.from('no zip') }), broken);
    await invalid(source({ ZipFile: Buffer.alloc(0) }), 'Uploaded file must be a non-empty zip');
    await invalid(source({}), 'Please provide a source for layer content.');
    await invalid(source({ S3Bucket: 'bucket' }), 'Please provide a source for layer content.');
    await invalid(
      source({ ZipFile: await layerZip(), ...inS3 }),
      'Please do not provide other LayerVersionContentInput parameters when providing a ZipFile.',
    );
    await invalid(
      source({ ZipFile: await layerZip() }, { limits: { codeSizeUnzippedBytes: 2 } }),
      'Unzipped size must be smaller than 2 bytes',
    );
    await rejects(
      source({ ZipFile: Buffer.alloc(101) }, { limits: { codeSizeZippedBytes: 100 } }),
      'RequestEntityTooLargeException',
      'Zipped size must be smaller than 100 bytes',
    );
  });

  it('comes from S3, where only its unpacked size counts', async () => {
    const asked: unknown[] = [];
    const bytes = await layerZip('from S3');
    const store = s3(async (_namespace, object, bytesMax) => {
      asked.push(object, bytesMax);
      return { bytes, version: 'v7', release: () => {} };
    });
    const options = { ...store, limits: { codeSizeZippedBytes: 10, codeSizeUnzippedBytes: 1_000 } };
    const copied = await source({ ...inS3, S3ObjectVersion: 'v7' }, options);
    assert.deepEqual(asked, [{ bucket: 'bucket', key: 'layer.zip', version: 'v7' }, 1_000]);
    assert.equal(copied.Content?.CodeSize, bytes.length);
    assert.equal(copied.Content?.ResolvedS3Object, undefined);
    const referred = await source({ ...inS3, S3ObjectStorageMode: 'REFERENCE' }, options);
    assert.deepEqual(referred.Content?.ResolvedS3Object, { ...inS3, S3ObjectVersion: 'v7' });
  });

  it('that S3 refuses or lambdad cannot ask for is told', async () => {
    const refusing = s3(async () => {
      throw new NeighbourRefusal('s3', 'GetObject', 'NoSuchBucket', 'The specified bucket does not exist');
    });
    await rejects(
      source(inS3, refusing),
      'InvalidParameterValueException',
      'Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist',
    );
    await rejects(source(inS3), 'InvalidParameterValueException', /no S3 endpoint .* AWS_ENDPOINT_URL_S3/);
    await rejects(
      source(
        inS3,
        s3(async () => undefined),
      ),
      'InvalidParameterValueException',
      'Unzipped size must be smaller than 262144000 bytes',
    );
  });
});
