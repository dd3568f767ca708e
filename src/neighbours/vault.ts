/**
 * Encryption at rest: texts and packages under the data key of the data folder, or under a key of their own that the
 * KMS key they name has wrapped.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { endpointVariable } from '../base/endpoints.ts';
import { LruMap } from '../base/lru.ts';
import type { Namespace } from '../store/namespace.ts';
import { type KeyService, NeighbourRefusal } from './neighbours.ts';

/** A data key as the store keeps it. */
export interface WrappedKey {
  readonly keyArn: string;
  /** The data key wrapped by the KMS key, in base64. */
  readonly wrapped: string;
}

/** What lies in the store: JSON. */
export interface Sealed {
  /** Nonce, cipher text and tag of AES-256-GCM, in base64. */
  readonly box: string;
  /** Only what is under a KMS key. */
  readonly kms?: WrappedKey;
}

export interface SealOptions {
  readonly namespace: Namespace;
  /** KMS key that the caller asked for; without a KMS endpoint the data folder's key stands in. */
  readonly keyArn?: string | undefined;
  /** The KMS encryption context, authenticated with the text: `aws:lambda:FunctionArn` and the like. */
  readonly context: Readonly<Record<string, string>>;
  /** What errors call it; `environment variables` when left out. */
  readonly what?: string;
}

/** The KMS key cannot be used: becomes KMSAccessDeniedException and its sisters. */
export class KeyUnusable extends Error {
  readonly reason: 'AccessDenied' | 'Disabled' | 'InvalidState' | 'NotFound';
  /** The error code that KMS gave; its message is the error's own. */
  readonly kmsCode: string;
  readonly use: 'seal' | 'open';
  /** What the key was to seal or open: `environment variables`. */
  readonly what: string;

  constructor(
    reason: KeyUnusable['reason'],
    kmsCode: string,
    kmsMessage: string,
    { use = 'open', what = 'environment variables' }: { readonly use?: 'seal' | 'open'; readonly what?: string } = {},
  ) {
    super(kmsMessage);
    this.reason = reason;
    this.kmsCode = kmsCode;
    this.use = use;
    this.what = what;
  }
}

/** All methods reject with KeyUnusable when KMS refuses the key, with a neighbour's failure when KMS fails otherwise. */
export interface Vault {
  seal(plain: Uint8Array, options: SealOptions): Promise<Sealed>;
  /** `options.context` must be the one that it was sealed with. Rejects with an Error for a damaged box. */
  open(sealed: Sealed, options: SealOptions): Promise<Uint8Array>;
  /** A new 32-byte key for what is too large for a box; undefined where no KMS key would protect it. */
  newKey(options: SealOptions): Promise<{ readonly key: Uint8Array; readonly kms: WrappedKey } | undefined>;
  /** The key that `newKey` gave with it. */
  unwrapKey(kms: WrappedKey, options: Omit<SealOptions, 'keyArn'>): Promise<Uint8Array>;
}

export interface VaultKeys {
  /** Without it, what names a KMS key is sealed under the data folder's key, and what KMS wrapped stays shut. */
  readonly kms?: KeyService | undefined;
  readonly clock: Pick<Clock, 'monotonic'>;
}

/** A KMS key that is denied or disabled stops working here after this long, as AWS's own services cache theirs. */
const UNWRAPPED_MS_MAX = 5 * 60_000;
const UNWRAPPED_KEYS_MAX = 1000;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** A vault on the data folder's own key, 32 bytes, and on KMS where it is configured. */
export function openVault(dataKey: Uint8Array, keys?: VaultKeys): Vault {
  const wrapping = keys?.kms === undefined ? undefined : keysOf(keys.kms, keys.clock);
  const newKey: Vault['newKey'] = async (options) =>
    options.keyArn === undefined ? undefined : await wrapping?.make(options.keyArn, options);
  const unwrapKey: Vault['unwrapKey'] = async (kms, options) => {
    if (wrapping) return await wrapping.unwrap(kms, options);
    throw new KeyUnusable(
      'AccessDenied',
      'EndpointNotSet',
      `what is sealed under ${kms.keyArn} cannot be opened while ${endpointVariable('kms')} is not set`,
      options,
    );
  };
  return {
    newKey,
    unwrapKey,
    async seal(plain, options) {
      const made = await newKey(options);
      if (made === undefined) return { box: encrypt(dataKey, plain, options.context) };
      return { box: encrypt(made.key, plain, options.context), kms: made.kms };
    },
    async open({ box, kms }, options) {
      return decrypt(kms === undefined ? dataKey : await unwrapKey(kms, options), box, options.context);
    },
  };
}

/** Data keys of KMS, remembered for a while. */
function keysOf(kms: KeyService, clock: VaultKeys['clock']) {
  const known = new LruMap<string, { readonly key: Uint8Array; readonly untilMs: number }>(UNWRAPPED_KEYS_MAX);
  const remember = (name: string, key: Uint8Array) =>
    known.set(name, { key, untilMs: clock.monotonic() + UNWRAPPED_MS_MAX });
  return {
    async make(keyArn: string, options: KeyOptions) {
      const { namespace, context } = options;
      const { plain, wrapped } = await orUnusable(kms.generateDataKey(namespace, keyArn, context), 'seal', options);
      const made: WrappedKey = { keyArn, wrapped: Buffer.from(wrapped).toString('base64') };
      remember(nameOf(made, options), plain);
      return { key: plain, kms: made };
    },
    async unwrap(wrapped: WrappedKey, options: KeyOptions) {
      const name = nameOf(wrapped, options);
      const remembered = known.get(name);
      if (remembered !== undefined && remembered.untilMs > clock.monotonic()) return remembered.key;
      known.delete(name);
      const bytes = Buffer.from(wrapped.wrapped, 'base64');
      const { namespace, context } = options;
      const key = await orUnusable(kms.unwrap(namespace, wrapped.keyArn, bytes, context), 'open', options);
      remember(name, key);
      return key;
    },
  };
}

type KeyOptions = Omit<SealOptions, 'keyArn'>;

/** Who asks is part of it: what KMS gives to one account it may deny another. */
function nameOf(kms: WrappedKey, { namespace: { account, region }, context }: KeyOptions): string {
  return `${account} ${region} ${kms.keyArn} ${kms.wrapped} ${canonical(context)}`;
}

/** Error codes of KMS, and of the front of every service for a caller that it does not know, by what they mean. */
const REASONS: Readonly<Record<string, KeyUnusable['reason']>> = {
  AccessDeniedException: 'AccessDenied',
  AccessDenied: 'AccessDenied',
  ExpiredTokenException: 'AccessDenied',
  IncorrectKeyException: 'AccessDenied',
  InvalidCiphertextException: 'AccessDenied',
  InvalidGrantTokenException: 'AccessDenied',
  UnrecognizedClientException: 'AccessDenied',
  DisabledException: 'Disabled',
  InvalidKeyUsageException: 'InvalidState',
  KMSInvalidStateException: 'InvalidState',
  InvalidArnException: 'NotFound',
  NotFoundException: 'NotFound',
};

async function orUnusable<T>(asked: Promise<T>, use: KeyUnusable['use'], { what }: KeyOptions): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    const reason = error instanceof NeighbourRefusal ? REASONS[error.code] : undefined;
    if (reason === undefined) throw error;
    const { code, message } = error as NeighbourRefusal;
    throw new KeyUnusable(reason, code, message, { use, ...(what === undefined ? {} : { what }) });
  }
}

function encrypt(key: Uint8Array, plain: Uint8Array, context: SealOptions['context']): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(canonical(context));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64');
}

function decrypt(key: Uint8Array, box: string, context: SealOptions['context']): Uint8Array {
  const bytes = Buffer.from(box, 'base64');
  if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new Error('a sealed text is damaged: too short');
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
    .setAAD(canonical(context))
    .setAuthTag(bytes.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
}

function canonical(context: SealOptions['context']): Buffer {
  return Buffer.from(JSON.stringify(Object.entries(context).sort(([one], [other]) => (one < other ? -1 : 1))));
}
