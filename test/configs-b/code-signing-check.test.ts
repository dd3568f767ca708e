import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { checkSignature } from '../../src/functions/code-signing-check.ts';
import type { CodeSigningBody } from '../../src/functions/code-signing-config.ts';
import type { Neighbours } from '../../src/neighbours/neighbours.ts';
import { NeighbourRefusal } from '../../src/neighbours/neighbours.ts';
import { ACCOUNT, handlerZip, makeWorld, REGION, rejects, type World } from '../support/function-world.ts';
import { makeSigner, type SigningOptions, signedZipOf } from './signed-zip.ts';

const SIGNER_ARN = `arn:aws:signer:${REGION}:${ACCOUNT}:`;
const PROFILE = `${SIGNER_ARN}/signing-profiles/team/AbCdEf`;
const JOB = `${SIGNER_ARN}/signing-jobs/0b1f1e7a-0000-4000-8000-000000000001`;
const FILES = { 'index.js': 'exports.handler = async () => 1;', 'lib/one.js': 'one' };
const DAY_MS = 86_400_000;

let world: World;
let signer: ReturnType<typeof makeSigner>;
beforeEach(async () => {
  world = await makeWorld();
  signer = makeSigner(world.clock.now());
});
afterEach(() => world.close());

interface Case {
  readonly policy?: 'Warn' | 'Enforce';
  readonly trusted?: boolean;
  readonly neighbours?: Neighbours;
  readonly allowed?: string;
}

function check(zip: Uint8Array, { policy = 'Enforce', trusted = true, neighbours = {}, allowed = PROFILE }: Case = {}) {
  const config: CodeSigningBody = {
    id: 'csc-00000000000000001',
    allowedPublishers: [allowed],
    untrustedArtifact: policy,
    tags: {},
    lastModified: 0,
  };
  const namespace = { account: ACCOUNT, region: REGION };
  const tools = { ...world.services, neighbours, signingRoots: trusted ? [signer.root] : [] };
  return checkSignature(tools, namespace, config, { zip, subject: 'one' });
}

function signed(more: Partial<SigningOptions> = {}): Promise<Buffer> {
  const signedAt = world.clock.now();
  const validUntil = signedAt + DAY_MS;
  return signedZipOf(FILES, { signer, profileVersionArn: PROFILE, signingJobArn: JOB, signedAt, validUntil, ...more });
}

const REFUSED =
  'Lambda cannot deploy the function. The function or layer might be signed using a signature that the client is not configured to accept. Check the provided signature for one.';

/** Refused under Enforce, let through with a warning under Warn. */
async function isNotTrusted(zip: Uint8Array, warning: RegExp, more: Case = {}): Promise<void> {
  await rejects(check(zip, { ...more, policy: 'Enforce' }), 'CodeVerificationFailedException', REFUSED);
  const passed = await check(zip, { ...more, policy: 'Warn' });
  assert.equal(passed.signing, undefined);
  assert.match(passed.warning ?? '', warning);
}

/** Refused under either policy. */
async function isBroken(zip: Uint8Array): Promise<void> {
  for (const policy of ['Enforce', 'Warn'] as const)
    await rejects(check(zip, { policy }), 'InvalidCodeSignatureException', /failed the integrity check/);
}

const signerThat = (answer: () => Promise<{ status: 'Active' | 'Canceled' | 'Revoked' }>): Neighbours => ({
  signer: { getSigningProfile: answer },
});

describe('the signature of a package', { timeout: 10_000 }, () => {
  it('is accepted when everything holds, and says who signed', async () => {
    const expected = { signing: { profileVersionArn: PROFILE, jobArn: JOB } };
    const zip = await signed();
    assert.deepEqual(await check(zip), expected);
    assert.deepEqual(await check(zip, { policy: 'Warn' }), expected);
    assert.deepEqual(world.inert, Array(2).fill(`signer revocation of signatures ${PROFILE}`));
    const neighbours = signerThat(async () => ({ status: 'Canceled' }));
    assert.deepEqual(await check(zip, { neighbours }), expected);
  });

  it('must be there', async () => {
    await isNotTrusted(await handlerZip(), /the package is not signed$/);
  });

  it('must lead to a trusted root', async () => {
    await isNotTrusted(await signed(), /lead to no root certificate/, { trusted: false });
    await isNotTrusted(await signed({ signer: makeSigner(world.clock.now()) }), /lead to no root certificate/);
    await isNotTrusted(await signed({ signedAt: world.clock.now() - 2 * DAY_MS }), /lead to no root certificate/);
    signer = makeSigner(world.clock.now(), 'serverAuth');
    await isNotTrusted(await signed(), /lead to no root certificate/);
  });

  it('must be of an allowed publisher, valid and not revoked', async () => {
    const zip = await signed();
    await isNotTrusted(zip, /AbCdEf is not an allowed publisher$/, { allowed: `${PROFILE}x` });
    await isNotTrusted(await signed({ validUntil: world.clock.now() - 1000 }), /was valid until 2023-11-14T22:13:19/);
    const revoked = signerThat(async () => ({ status: 'Revoked' }));
    await isNotTrusted(zip, /AbCdEf was revoked$/, { neighbours: revoked });
    const unknown = signerThat(() =>
      Promise.reject(new NeighbourRefusal('signer', 'GetSigningProfile', 'ResourceNotFoundException', 'no such')),
    );
    await isNotTrusted(zip, /does not vouch for .*: no such$/, { neighbours: unknown });
  });

  it('must be one of this content', async () => {
    await isBroken(await signed({ tampered: { 'index.js': 'exports.handler = async () => 2;' } }));
    await isBroken(await signed({ tampered: { 'more.js': '' } }));
  });

  it('must be whole', async () => {
    const pem = (body: string) => `-----BEGIN PKCS7-----\n${body}\n-----END PKCS7-----\n`;
    const deep = Buffer.from(Array(200).fill([0x30, 0x80]).flat());
    const bodies = ['', 'none', pem(''), pem('MAA='), pem('MIACAQ=='), pem('MIT/////'), pem(deep.toString('base64'))];
    for (const body of bodies)
      await isBroken(await signed({ tampered: { 'META_INF/aws_signer_signature_v1.0.SF': body } }));
  });
});
