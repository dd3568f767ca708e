import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../src/base/clock.ts';
import type { ErrorName } from '../../src/model/api-error.ts';
import { type KeyService, NeighbourRefusal } from '../../src/neighbours/neighbours.ts';
import { openNeighbours } from '../../src/neighbours/open-neighbours.ts';
import { environmentError, orRefusal } from '../../src/neighbours/refusals.ts';
import { KeyUnusable, openVault, type SealOptions } from '../../src/neighbours/vault.ts';
import { rejects } from '../support/function-world.ts';
import { jsonError, startFakeService } from './fake-service.ts';

const DATA_KEY = Buffer.alloc(32, 1);
const KEY_ARN = 'arn:aws:kms:us-west-2:123456789012:key/k1';
const CONTEXT = { 'aws:lambda:FunctionArn': 'arn:aws:lambda:eu-west-1:123456789012:function:f' };
const PLAIN: SealOptions = { namespace: { account: '123456789012', region: 'eu-west-1' }, context: CONTEXT };
const UNDER_KMS: SealOptions = { ...PLAIN, keyArn: KEY_ARN };
const TEXT = Buffer.from('{"SECRET":"x"}');
const FIVE_MINUTES_MS = 300_000;

/** KMS that wraps a key by turning its bits over, and refuses with `code` while that is set. */
function fakeKms() {
  const turned = (bytes: Uint8Array) => bytes.map((byte) => byte ^ 0xff);
  const state = { code: '', asked: 0 };
  const answering = async <T>(operation: string, answer: T) => {
    state.asked += 1;
    if (state.code !== '') throw new NeighbourRefusal('kms', operation, state.code, 'KMS says so.');
    return answer;
  };
  const kms: KeyService = {
    generateDataKey: () => {
      const plain = Buffer.alloc(32, 100 + state.asked);
      return answering('GenerateDataKey', { plain, wrapped: turned(plain) });
    },
    unwrap: (_namespace, _keyArn, wrapped) => answering('Decrypt', turned(wrapped)),
  };
  return { kms, state };
}

describe('vault', () => {
  it("seals under the data folder's key, bound to the context", async () => {
    const vault = openVault(DATA_KEY);
    const sealed = await vault.seal(TEXT, UNDER_KMS);
    assert.equal(sealed.kms, undefined);
    assert.equal(Buffer.from(sealed.box, 'base64').includes('SECRET'), false);
    assert.deepEqual(Buffer.from(await vault.open(sealed, PLAIN)), TEXT);
    await assert.rejects(vault.open(sealed, { ...PLAIN, context: { other: 'context' } }));
    await assert.rejects(openVault(Buffer.alloc(32, 2)).open(sealed, PLAIN));
    await assert.rejects(vault.open({ box: 'AAAA' }, PLAIN), /damaged/);
    assert.equal(await vault.newKey(UNDER_KMS), undefined);
  });

  it('seals under a key that KMS wrapped, and asks again for it after five minutes', async () => {
    const clock = new FakeClock();
    const { kms, state } = fakeKms();
    const vault = openVault(DATA_KEY, { kms, clock });
    const sealed = await vault.seal(TEXT, UNDER_KMS);
    assert.equal(sealed.kms?.keyArn, KEY_ARN);
    await assert.rejects(openVault(DATA_KEY).open({ box: sealed.box }, PLAIN));
    await vault.open(sealed, PLAIN);
    assert.equal(state.asked, 1);
    state.code = 'DisabledException';
    clock.advance(FIVE_MINUTES_MS - 1);
    await vault.open(sealed, PLAIN);
    clock.advance(1);
    await assert.rejects(vault.open(sealed, PLAIN), KeyUnusable);
    state.code = '';
    assert.deepEqual(Buffer.from(await vault.open(sealed, PLAIN)), TEXT);
    // What names no key stays with the data folder's.
    assert.equal((await vault.seal(TEXT, PLAIN)).kms, undefined);
  });

  it('does not give to one account what was unwrapped for another', async () => {
    const { kms, state } = fakeKms();
    const vault = openVault(DATA_KEY, { kms, clock: new FakeClock() });
    const sealed = await vault.seal(TEXT, UNDER_KMS);
    state.code = 'AccessDeniedException';
    const namespace = { account: '210987654321', region: 'eu-west-1' };
    await assert.rejects(vault.open(sealed, { ...PLAIN, namespace }), KeyUnusable);
  });

  it('says that the endpoint is gone when what KMS sealed cannot be opened', async () => {
    const { kms } = fakeKms();
    const sealed = await openVault(DATA_KEY, { kms, clock: new FakeClock() }).seal(TEXT, UNDER_KMS);
    await rejects(
      orRefusal(openVault(DATA_KEY).open(sealed, PLAIN)),
      'KMSAccessDeniedException',
      `Lambda was unable to decrypt the environment variables because KMS access was denied. Please check the function's KMS key settings. KMS Exception: EndpointNotSetKMS Message: what is sealed under ${KEY_ARN} cannot be opened while AWS_ENDPOINT_URL_KMS is not set`,
    );
  });

  const unusable: readonly (readonly [string, ErrorName, string])[] = [
    ['AccessDeniedException', 'KMSAccessDeniedException', 'KMS access was denied'],
    ['DisabledException', 'KMSDisabledException', 'the KMS key used is disabled'],
    ['KMSInvalidStateException', 'KMSInvalidStateException', 'the state of the KMS key used is not valid for Decrypt'],
    ['NotFoundException', 'KMSNotFoundException', 'the KMS key was not found'],
  ];
  for (const [code, name, reason] of unusable)
    it(`turns ${code} into the KMS family's error, over the wire`, async () => {
      await using service = await startFakeService(() => jsonError(code, 'KMS says so.'));
      const { kms } = openNeighbours({ endpoints: { kms: service.url } });
      const vault = openVault(DATA_KEY, { kms, clock: new FakeClock() });
      const wrapped = { keyArn: KEY_ARN, wrapped: 'AAAA' };
      await rejects(
        orRefusal(vault.open({ box: '', kms: wrapped }, PLAIN)),
        name,
        `Lambda was unable to decrypt the environment variables because ${reason}. Please check the function's KMS key settings. KMS Exception: ${code}KMS Message: KMS says so.`,
      );
      await rejects(
        orRefusal(vault.seal(TEXT, UNDER_KMS)),
        'InvalidParameterValueException',
        `Lambda was unable to configure access to your environment variables because the KMS key is invalid for GenerateDataKey. Please check your KMS key settings. KMS Exception: ${code} KMS Message: KMS says so.`,
      );
      // Asked where the key is, with the function as the encryption context.
      const [decrypt, generate] = service.asked;
      assert.match(decrypt?.headers.authorization ?? '', /\/us-west-2\/kms\/aws4_request/);
      assert.deepEqual(JSON.parse(decrypt?.body ?? ''), {
        KeyId: KEY_ARN,
        CiphertextBlob: 'AAAA',
        EncryptionContext: CONTEXT,
      });
      assert.equal(JSON.parse(generate?.body ?? '').KeySpec, 'AES_256');
    });

  it('shows variables that cannot be read as AWS does', () => {
    assert.deepEqual(environmentError(new KeyUnusable('AccessDenied', 'AccessDeniedException', 'no.')), {
      ErrorCode: 'AccessDeniedException',
      Message:
        'Lambda was unable to decrypt your environment variables because the KMS access was denied. Please check your KMS permissions. KMS Exception: AccessDeniedException KMS Message: no.',
    });
  });

  it('leaves a KMS that fails to be a fault of the service', async () => {
    const { kms, state } = fakeKms();
    state.code = 'KMSInternalException';
    const vault = openVault(DATA_KEY, { kms, clock: new FakeClock() });
    await rejects(orRefusal(vault.seal(TEXT, UNDER_KMS)), 'ServiceException', /KMS Error Code: KMSInternalException/);
  });
});
