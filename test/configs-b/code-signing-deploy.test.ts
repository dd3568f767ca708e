/** Code signing configurations take effect when code is deployed (lambda-facts 6.7). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
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
import { makeSigner, signedZipOf } from './signed-zip.ts';

const PUBLISHER = `arn:aws:signer:${REGION}:${ACCOUNT}:/signing-profiles/ours/abcdefghij`;
const refusal = (subject: string) =>
  `Lambda cannot deploy the function. The function or layer might be signed using a signature that the client is not configured to accept. Check the provided signature for ${subject}.`;

let world: World;

before(async () => {
  world = await makeWorld();
});

after(() => world.close());

async function configured(UntrustedArtifactOnDeployment: 'Warn' | 'Enforce'): Promise<string> {
  const { CodeSigningConfig } = await world.output('CreateCodeSigningConfig', {
    AllowedPublishers: { SigningProfileVersionArns: [PUBLISHER] },
    CodeSigningPolicies: { UntrustedArtifactOnDeployment },
  });
  return CodeSigningConfig.CodeSigningConfigArn;
}

describe('unsigned code', () => {
  it('is refused under Enforce, when a function is made and when it is updated', async () => {
    const CodeSigningConfigArn = await configured('Enforce');
    await rejects(
      createActive(world, 'strict', { CodeSigningConfigArn }),
      'CodeVerificationFailedException',
      refusal('strict'),
    );
    await rejects(
      world.call('GetFunction', { FunctionName: 'strict' }),
      'ResourceNotFoundException',
      `Function not found: ${ARN}:strict`,
    );
    await createActive(world, 'later');
    await world.call('PutFunctionCodeSigningConfig', { FunctionName: 'later', CodeSigningConfigArn });
    const ZipFile = await handlerZip('exports.handler = async () => 2;');
    for (const DryRun of [true, false])
      await rejects(
        world.call('UpdateFunctionCode', { FunctionName: 'later', ZipFile, DryRun }),
        'CodeVerificationFailedException',
        refusal(`${ARN}:later`),
      );
    await world.call('DeleteFunctionCodeSigningConfig', { FunctionName: 'later' });
    await world.call('UpdateFunctionCode', { FunctionName: 'later', ZipFile });
    await world.activation.idle();
  });

  it('is refused in layers too', async () => {
    const { LayerVersionArn } = await world.output('PublishLayerVersion', {
      LayerName: 'unsigned',
      Content: { ZipFile: await handlerZip() },
    });
    await createActive(world, 'layered');
    const attach = { FunctionName: 'layered', CodeSigningConfigArn: await configured('Enforce') };
    await world.call('PutFunctionCodeSigningConfig', attach);
    const Layers = [LayerVersionArn as string];
    await rejects(
      world.call('UpdateFunctionConfiguration', { FunctionName: 'layered', Layers }),
      'CodeVerificationFailedException',
      refusal(`${ARN}:layered`),
    );
    await world.call('UpdateFunctionConfiguration', { FunctionName: 'layered', Timeout: 9 });
    await world.activation.idle();
  });

  it('is let through under Warn, with a line for the log of the server and that of the function', async () => {
    const CodeSigningConfigArn = await configured('Warn');
    await createActive(world, 'lenient', { CodeSigningConfigArn });
    const warning = 'code signing: lenient: the package is not signed';
    assert.deepEqual(world.notes, [warning]);
    const record = await world.metadata.get({ account: ACCOUNT, region: REGION, kind: 'function', id: 'lenient' });
    assert.partialDeepStrictEqual(record?.body, { latest: { code: { warning } } });
    const attached = await world.output('GetFunctionCodeSigningConfig', { FunctionName: 'lenient' });
    assert.equal(attached.CodeSigningConfigArn, CodeSigningConfigArn);
    await rejects(world.call('DeleteCodeSigningConfig', { CodeSigningConfigArn }), 'ResourceConflictException', /./);
  });

  it('is not what a trusted publisher signed: that is deployed under Enforce, and shown with who signed it', async () => {
    const startMs = Date.parse('2026-11-21');
    const signer = makeSigner(startMs);
    const signing = await makeWorld({ signingRoots: [signer.root], startMs });
    const { CodeSigningConfig } = await signing.output('CreateCodeSigningConfig', {
      AllowedPublishers: { SigningProfileVersionArns: [PUBLISHER] },
      CodeSigningPolicies: { UntrustedArtifactOnDeployment: 'Enforce' },
    });
    const signingJobArn = `arn:aws:signer:${REGION}:${ACCOUNT}:/signing-jobs/0b1f1e7a-0000-4000-8000-000000000001`;
    const ZipFile = await signedZipOf(
      { 'index.js': 'exports.handler = async () => 1;' },
      { signer, profileVersionArn: PUBLISHER, signingJobArn, signedAt: startMs, validUntil: startMs + 1000 },
    );
    const { CodeSigningConfigArn } = CodeSigningConfig;
    await createActive(signing, 'signed', { CodeSigningConfigArn, Code: { ZipFile } });
    const shown = await signing.output('GetFunctionConfiguration', { FunctionName: 'signed' });
    assert.deepEqual([shown.SigningProfileVersionArn, shown.SigningJobArn], [PUBLISHER, signingJobArn]);
    await signing.close();
  });

  it('is not looked at when the configuration is not there', async () => {
    const gone = await configured('Warn');
    await world.call('DeleteCodeSigningConfig', { CodeSigningConfigArn: gone });
    await rejects(
      createActive(world, 'orphan', { CodeSigningConfigArn: gone }),
      'CodeSigningConfigNotFoundException',
      `The code signing configuration cannot be found. Check that the provided configuration is not deleted: ${gone}.`,
    );
  });
});
