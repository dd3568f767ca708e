import assert from 'node:assert/strict';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { describe, it } from 'node:test';
import { readSignature, SIGNATURE_ENTRY, SignatureBroken } from '../../src/functions/code-signature.ts';
import { readZip } from '../../src/packages/zip.ts';
import { ACCOUNT, createActive, handlerZip, makeWorld, REGION, rejects } from '../support/function-world.ts';
import { type ZipEntry, zipOf } from '../support/zip.ts';

const UNZIPPED_BYTES_MAX = 100_000_000;
const BAD_ZIP = /Could not unzip uploaded file/;

async function read(zip: Buffer): Promise<string[]> {
  const paths: string[] = [];
  await readZip(zip, UNZIPPED_BYTES_MAX, async (entry) => {
    if (entry.kind === 'file') for await (const _ of entry.content);
    paths.push(entry.path);
  });
  return paths;
}

/** The longest time in ms that others had to wait while `action` ran. */
async function longestWait(action: () => Promise<unknown>): Promise<number> {
  const delays = monitorEventLoopDelay({ resolution: 5 });
  delays.enable();
  await action();
  // What blocks to the very end shows in the turn behind it.
  await new Promise((resolve) => setTimeout(resolve, 20));
  delays.disable();
  return delays.max / 1e6;
}

const linksTo = (count: number, target: string) =>
  zipOf(Object.fromEntries(Array.from({ length: count }, (_, i): [string, ZipEntry] => [`l${i}`, { linkTo: target }])));

describe('a package that is made to cost time', { timeout: 60_000 }, () => {
  it('may have links with very long targets, and nobody waits for them', async () => {
    const zip = await linksTo(100, 'a/'.repeat(2_000));
    // Before, each of them took 20 ms at a stretch, and all of them followed each other.
    const waitMs = await longestWait(async () => assert.equal((await read(zip)).length, 100));
    assert.ok(waitMs < 500, `${waitMs} ms`);
  });

  it('is refused when its links cannot be followed within bounds', async () => {
    const zip = await linksTo(1_500, 'a/'.repeat(2_000));
    await assert.rejects(read(zip), BAD_ZIP);
  });

  it('keeps its links inside, by whatever way', async () => {
    const inside = { 'd/f': 'x', 'd/up': { linkTo: '..' }, 'd/e/self': { linkTo: '../up/d/f' }, here: { linkTo: 'd' } };
    assert.deepEqual((await read(await zipOf(inside))).sort(), ['d/e/self', 'd/f', 'd/up', 'here']);
    for (const target of ['d/up/..', 'here/../..', 'x/../../y', 'd/up/d/up/../z']) {
      const zip = await zipOf({ ...inside, out: { linkTo: target } });
      await assert.rejects(read(zip), BAD_ZIP, target);
    }
    await assert.rejects(read(await zipOf({ a: { linkTo: 'b' }, b: { linkTo: 'a' } })), BAD_ZIP);
  });

  it('may hold a signature of a megabyte of spaces', async () => {
    for (const text of [`-----BEGIN PKCS7-----${' '.repeat(1_000_000)}`, ' '.repeat(1_000_000)]) {
      const zip = await zipOf({ [SIGNATURE_ENTRY]: text });
      const waitMs = await longestWait(() => assert.rejects(readSignature(zip, []), SignatureBroken));
      assert.ok(waitMs < 500, `${waitMs} ms`);
    }
  });
});

describe('a package on its way while its function gets a code signing configuration', () => {
  it('is not deployed past that configuration', async () => {
    const zip = await handlerZip('exports.handler = async () => 2;');
    let meanwhile = async () => {};
    const world = await makeWorld({
      neighbours: {
        s3: {
          getObject: async () => {
            await meanwhile();
            return { bytes: zip, release: () => {} };
          },
        },
      },
    });
    await createActive(world, 'f');
    const { CodeSigningConfig: config } = await world.output('CreateCodeSigningConfig', {
      AllowedPublishers: {
        SigningProfileVersionArns: [`arn:aws:signer:${REGION}:${ACCOUNT}:/signing-profiles/p/0123456789`],
      },
      CodeSigningPolicies: { UntrustedArtifactOnDeployment: 'Enforce' },
    });
    const CodeSigningConfigArn = config?.CodeSigningConfigArn ?? '';
    meanwhile = async () =>
      void (await world.call('PutFunctionCodeSigningConfig', { FunctionName: 'f', CodeSigningConfigArn }));
    const update = () => world.call('UpdateFunctionCode', { FunctionName: 'f', S3Bucket: 'b', S3Key: 'k' });
    await rejects(update(), 'ResourceConflictException', /is being changed by others/);
    await rejects(update(), 'CodeVerificationFailedException', /cannot deploy the function/);
    await world.close();
  });
});
