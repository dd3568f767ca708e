import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type KeyService, NeighbourRefusal } from '../../src/neighbours/neighbours.ts';
import {
  ACCOUNT,
  ARN,
  createActive,
  handlerZip,
  makeWorld,
  REGION,
  rejects,
  type World,
} from '../support/function-world.ts';

const KEY_ARN = `arn:aws:kms:${REGION}:${ACCOUNT}:key/code`;
const FIVE_MINUTES_MS = 300_000;
const DENIED =
  "Lambda was unable to decrypt the deployment package because KMS access was denied. Please check the function's KMS key settings. KMS Exception: AccessDeniedExceptionKMS Message: not today";

describe('packages under a KMS key', () => {
  const kms = { denied: false, contexts: [] as unknown[] };
  const answering = async <T>(context: unknown, answer: T) => {
    kms.contexts.push(context);
    if (kms.denied) throw new NeighbourRefusal('kms', 'Decrypt', 'AccessDeniedException', 'not today');
    return answer;
  };
  const keys: KeyService = {
    generateDataKey: (_namespace, _arn, context) => {
      const plain = Buffer.alloc(32, 9);
      return answering(context, { plain, wrapped: plain.map((byte) => byte ^ 0xff) });
    },
    unwrap: (_namespace, _arn, wrapped, context) =>
      answering(
        context,
        wrapped.map((byte) => byte ^ 0xff),
      ),
  };
  let world: World;

  before(async () => {
    world = await makeWorld({ neighbours: { kms: keys } });
    const Code = { ZipFile: await handlerZip('the secret sauce'), SourceKMSKeyArn: KEY_ARN };
    await createActive(world, 'sealed', { Code, Publish: true });
  });

  after(() => world.close());

  const linkOf = async () => {
    const { Code } = await world.output('GetFunction', { FunctionName: 'sealed' });
    return new URL(Code?.Location ?? '');
  };

  it('leaves nothing of the zip in the store, and shows the digest of the zip', async () => {
    const zip = await handlerZip('the secret sauce');
    const { sha256 } = await world.packages.inspect(zip);
    assert.equal(await world.blobs.has(sha256), false);
    const { CodeSha256 } = await world.output('GetFunctionConfiguration', { FunctionName: 'sealed' });
    assert.equal(CodeSha256, Buffer.from(sha256, 'hex').toString('base64'));
    assert.deepEqual(kms.contexts[0], { 'aws:lambda:FunctionArn': `${ARN}:sealed` });
  });

  it('gives the zip to a link, and to none that was changed', async () => {
    const url = await linkOf();
    const zip = await world.packages.openLink(url.pathname, url.searchParams);
    assert.deepEqual(Buffer.from(zip ?? []), await handlerZip('the secret sauce'));
    url.searchParams.set('X-Lambdad-Key', 'e30');
    assert.equal(await world.packages.openLink(url.pathname, url.searchParams), undefined);
    url.searchParams.delete('X-Lambdad-Key');
    assert.equal(await world.packages.openLink(url.pathname, url.searchParams), undefined);
  });

  it('stays when packages are collected', async () => {
    world.clock.advance(3_600_000);
    assert.equal(await world.packages.collect(), 0);
    assert.ok(await world.packages.openLink((await linkOf()).pathname, (await linkOf()).searchParams));
  });

  it('is refused with the KMS errors once the key is denied, unpacked or not', async () => {
    const url = await linkOf();
    kms.denied = true;
    world.clock.advance(FIVE_MINUTES_MS);
    try {
      const shown = await world.output('GetFunction', { FunctionName: 'sealed' });
      assert.deepEqual(shown.Code, {
        RepositoryType: 'S3',
        Error: {
          ErrorCode: 'AccessDeniedException',
          Message:
            'KMS access is denied. Check your KMS permissions. KMS Exception: AccessDeniedException KMS Message: not today',
        },
        SourceKMSKeyArn: KEY_ARN,
      });
      assert.equal(shown.Configuration?.State, 'Active');
      await rejects(world.packages.openLink(url.pathname, url.searchParams), 'KMSAccessDeniedException', DENIED);
      const record = await world.metadata.get({ account: ACCOUNT, region: REGION, kind: 'function', id: 'sealed' });
      const { latest } = (record as { body: unknown }).body as {
        latest: { code: Parameters<typeof world.packages.unpackCode>[0] };
      };
      await assert.rejects(world.packages.unpackCode(latest.code), /not today/);
      const Code = { ZipFile: await handlerZip(), SourceKMSKeyArn: KEY_ARN };
      await rejects(
        world.call('UpdateFunctionCode', { FunctionName: 'sealed', ...Code }),
        'InvalidParameterValueException',
        'Lambda was unable to configure access to your deployment package because the KMS key is invalid for GenerateDataKey. Please check your KMS key settings. KMS Exception: AccessDeniedException KMS Message: not today',
      );
    } finally {
      kms.denied = false;
    }
  });

  it('is an ordinary package where no KMS can be asked', async () => {
    const plain = await makeWorld();
    try {
      const zip = await handlerZip();
      await createActive(plain, 'plain', { Code: { ZipFile: zip, SourceKMSKeyArn: KEY_ARN } });
      const { sha256 } = await plain.packages.inspect(zip);
      assert.equal(await plain.blobs.has(sha256), true);
      const { Code } = await plain.output('GetFunction', { FunctionName: 'plain' });
      assert.equal(Code?.SourceKMSKeyArn, KEY_ARN);
    } finally {
      await plain.close();
    }
  });
});
