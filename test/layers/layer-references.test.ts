import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { checkUnzippedSize } from '../../src/functions/layer-references.ts';
import {
  ACCOUNT,
  createActive,
  handlerZip,
  makeWorld,
  REGION,
  rejects,
  type World,
} from '../support/function-world.ts';
import { zipOf } from '../support/zip.ts';

const layer = (name: string, region = REGION, account = ACCOUNT) => `arn:aws:lambda:${region}:${account}:layer:${name}`;
const OTHER = '999999999999';

describe('a function’s layers', { timeout: 20_000 }, () => {
  let world: World;
  beforeEach(async () => {
    world = await makeWorld();
    await createActive(world, 'f');
  });
  afterEach(() => world.close());

  async function publish(LayerName: string, text = LayerName, as = {}): Promise<string> {
    const Content = { ZipFile: await zipOf({ 'lib/file.txt': text }) };
    return (await world.call('PublishLayerVersion', { LayerName, Content }, as)).output.LayerVersionArn ?? '';
  }

  async function configure(...Layers: string[]) {
    const answer = await world.output('UpdateFunctionConfiguration', { FunctionName: 'f', Layers });
    await world.activation.idle();
    return answer.Layers;
  }

  const invalid = (promise: Promise<unknown>, text: string) => rejects(promise, 'InvalidParameterValueException', text);

  it('are shown in their order with their sizes', async () => {
    const [b, a] = [await publish('b'), await publish('a')];
    const { length } = await zipOf({ 'lib/file.txt': 'a' });
    const shown = [b, a].map((Arn) => ({ Arn, CodeSize: length }));
    assert.deepEqual(await configure(b, a), shown);
    assert.deepEqual((await world.output('GetFunctionConfiguration', { FunctionName: 'f' })).Layers, shown);
    assert.equal(await configure(), undefined);
  });

  it('are refused in AWS’s words', async () => {
    const one = await publish('one');
    const two = await publish('one');
    await invalid(
      configure(...['a', 'b', 'c', 'd', 'e', 'f'].map((name) => layer(`${name}:1`))),
      'Cannot reference more than 5 layers.',
    );
    await invalid(
      configure(layer('one:1', 'us-east-1')),
      `Layers are not in the same region as the function. Layers are expected to be in region ${REGION}.`,
    );
    const twice = 'Two different versions of the same layer are not allowed to be referenced in the same function.';
    await invalid(configure(one, two), `${twice} ${one} and ${two} are versions of the same layer.`);
    await invalid(configure(one, one), `${twice} ${one} and ${one} are versions of the same layer.`);
    await invalid(configure(layer('one:9')), `Layer version ${layer('one:9')} does not exist.`);
    await invalid(configure(layer('doesnotexist:1')), `Layer version ${layer('doesnotexist:1')} does not exist.`);
    await invalid(configure(layer('one:01')), `Layer version ${layer('one:01')} does not exist.`);
    await invalid(
      configure('arn:aws:lambda:::awslayer:AmazonLinux1803'),
      'Layer version arn:aws:lambda:::awslayer:AmazonLinux1803 does not exist.',
    );
  });

  it('that were deleted stay for the function that has them, and come to no other', async () => {
    const [one, two] = [await publish('one'), await publish('two')];
    await configure(one);
    await world.call('DeleteLayerVersion', { LayerName: 'one', VersionNumber: 1 });
    const shown = await configure(two, one);
    assert.deepEqual(
      shown?.map(({ Arn }) => Arn),
      [two, one],
    );
    await invalid(createActive(world, 'g', { Layers: [one] }), `Layer version ${one} does not exist.`);
    await configure(two);
    await invalid(configure(one), `Layer version ${one} does not exist.`);
  });

  it('of another account are refused when they are not there or elsewhere', async () => {
    const theirs = await publish('theirs', 'theirs', { account: OTHER });
    for (const which of [layer('theirs:2', REGION, OTHER), layer('theirs:1', 'us-east-1', OTHER)])
      await rejects(
        configure(which),
        'AccessDeniedException',
        `User: arn:aws:iam::${ACCOUNT}:root is not authorized to perform: lambda:GetLayerVersion on resource: ${which} because no resource-based policy allows the lambda:GetLayerVersion action`,
      );
    assert.equal((await configure(theirs))?.[0]?.Arn, theirs);
  });

  it('may not unpack to more than 250 MB together with the code', async () => {
    const text = 'x'.repeat(500);
    const arn = await publish('one', text);
    const { length: codeBytes } = 'exports.handler = async () => 1;';
    await world.close();
    world = await makeWorld({ limits: { codeSizeUnzippedBytes: codeBytes + text.length } });
    await createActive(world, 'f');
    await publish('one', text);
    await publish('two', 'y');
    await configure(arn);
    const bytesMax = codeBytes + text.length;
    const tooLarge = (bytes: number) =>
      `Function code combined with layers exceeds the maximum allowed size of ${bytesMax} bytes. The actual size is ${bytes} bytes.`;
    await invalid(configure(arn, layer('two:1')), tooLarge(bytesMax + 1));
    const longer = 'exports.handler = async () => "longer";';
    const ZipFile = await handlerZip(longer);
    const tooLong = tooLarge(longer.length + text.length);
    for (const DryRun of [true, false])
      await invalid(world.call('UpdateFunctionCode', { FunctionName: 'f', ZipFile, DryRun }), tooLong);
    await invalid(createActive(world, 'g', { Code: { ZipFile }, Layers: [arn] }), tooLong);
    await publish('three', 'z'.repeat(bytesMax));
    await invalid(configure(arn, layer('three:1')), `Layers consume more than the available size of ${bytesMax} bytes`);
  });

  it('count together with the code', () => {
    const code = { sha256: 'a', sizeBytes: 1, unzippedBytes: 60 };
    const layers = [{ arn: 'x', code: { sha256: 'b', sizeBytes: 1, unzippedBytes: 40 } }];
    checkUnzippedSize(code, layers, 100);
    checkUnzippedSize({}, undefined, 0);
    assert.throws(() => checkUnzippedSize(code, layers, 99), /of 99 bytes\. The actual size is 100 bytes\.$/);
  });
});
