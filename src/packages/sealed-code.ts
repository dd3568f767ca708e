/** Packages under a key of their own that KMS has wrapped (SourceKMSKeyArn). */
import { seal, unseal } from '../base/sealed-chunks.ts';
import type { SealOptions, Vault, WrappedKey } from '../neighbours/vault.ts';

/** What a record keeps of a package under a KMS key. */
export interface SealedCode {
  /** Digest of the package's cipher text: the blob's name. */
  readonly blob: string;
  readonly key: CodeKey;
}

/** All that it takes to ask KMS for the key again. */
export interface CodeKey extends Pick<SealOptions, 'namespace' | 'context'> {
  readonly kms: WrappedKey;
}

export type SealingOptions = Omit<SealOptions, 'what'>;

/** As errors call it: `Lambda was unable to decrypt the deployment package because …`. */
const WHAT = 'deployment package';
const PURPOSE = 'lambdad deployment package';

/** The zip's cipher text, undefined where no KMS key protects it. Rejects with KeyUnusable. */
export async function sealZip(
  vault: Vault,
  zip: Uint8Array,
  options: SealingOptions,
): Promise<{ readonly bytes: Uint8Array; readonly key: CodeKey } | undefined> {
  const made = await vault.newKey({ ...options, what: WHAT });
  if (made === undefined) return undefined;
  const chunks: Uint8Array[] = [];
  for await (const chunk of seal(made.key, PURPOSE, zip)) chunks.push(chunk);
  const { namespace, context } = options;
  const { account, region } = namespace;
  return { bytes: Buffer.concat(chunks), key: { kms: made.kms, namespace: { account, region }, context } };
}

/** Asks KMS, unless it was asked a short while ago. Rejects with KeyUnusable. */
export async function unwrapCodeKey(vault: Vault, { kms, namespace, context }: CodeKey): Promise<Uint8Array> {
  return await vault.unwrapKey(kms, { namespace, context, what: WHAT });
}

/** The zip of a cipher text; undefined for a damaged one. */
export async function unsealZip(key: Uint8Array, bytes: Uint8Array): Promise<Uint8Array | undefined> {
  return await unseal(key, PURPOSE, bytes);
}
