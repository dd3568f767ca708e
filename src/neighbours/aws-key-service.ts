import type { Namespace } from '../store/namespace.ts';
import { ask, type Link, unreachable } from './link.ts';
import type { KeyService } from './neighbours.ts';
import { partsOfArn } from './resource-arn.ts';
import { sdkClients } from './sdk-clients.ts';

/** KMS. A key of another region is asked for there. */
export function awsKeyService(link: Link): KeyService {
  const clientOf = sdkClients(link, async () => {
    const { KMSClient } = await import('@aws-sdk/client-kms');
    return (settings) => new KMSClient(settings);
  });
  return {
    async generateDataKey(namespace, keyArn, context) {
      const client = await clientOf(placeOf(keyArn, namespace));
      const { GenerateDataKeyCommand } = await import('@aws-sdk/client-kms');
      const command = new GenerateDataKeyCommand({
        KeyId: keyArn,
        KeySpec: 'AES_256',
        EncryptionContext: { ...context },
      });
      const answer = await ask(link, 'GenerateDataKey', (abortSignal) => client.send(command, { abortSignal }));
      if (answer.Plaintext?.byteLength !== DATA_KEY_BYTES || answer.CiphertextBlob === undefined)
        throw unreachable(link, 'GenerateDataKey', 'an answer without a 256-bit key');
      if (answer.CiphertextBlob.byteLength > WRAPPED_BYTES_MAX)
        throw unreachable(link, 'GenerateDataKey', `a wrapped key of ${answer.CiphertextBlob.byteLength} bytes`);
      return { plain: answer.Plaintext, wrapped: answer.CiphertextBlob };
    },
    async unwrap(namespace, keyArn, wrapped, context) {
      const client = await clientOf(placeOf(keyArn, namespace));
      const { DecryptCommand } = await import('@aws-sdk/client-kms');
      const command = new DecryptCommand({ KeyId: keyArn, CiphertextBlob: wrapped, EncryptionContext: { ...context } });
      const answer = await ask(link, 'Decrypt', (abortSignal) => client.send(command, { abortSignal }));
      if (answer.Plaintext?.byteLength !== DATA_KEY_BYTES)
        throw unreachable(link, 'Decrypt', 'an answer without a 256-bit key');
      return answer.Plaintext;
    },
  };
}

const DATA_KEY_BYTES = 32;
/** The most that KMS takes back for decryption. It is kept in records. */
const WRAPPED_BYTES_MAX = 6_144;

/** Where the key is; an ARN that names no key of KMS goes to KMS as it is, for KMS to refuse. */
function placeOf(keyArn: string, namespace: Namespace): Namespace {
  const { service, region } = partsOfArn(keyArn);
  return service === 'kms' && region !== '' ? { account: namespace.account, region } : namespace;
}
