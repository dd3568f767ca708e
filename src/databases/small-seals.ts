/**
 * Encrypts many small pieces of bytes at a few microseconds each, where a cipher of its own for each would cost more than
 * all else that is done with them.
 *
 * One AES-256-CTR key stream runs through everything that a process seals; each piece remembers where in it it began.
 * Its key, and that of the tag, are derived from the given key and a salt that the process draws: no part of a stream
 * is ever used twice. Layout: 16 bytes of mark, 16 of salt, 8 of position, the cipher text, and the first 16 bytes of
 * SHA-512/256 over the tag's key, the purpose and all of that (a digest that cannot be carried on).
 */
import {
  type Cipheriv,
  createCipheriv,
  createDecipheriv,
  hash,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import { LruMap } from '../base/lru.ts';

/** No JSON begins like this. */
const MARK = Buffer.from('lambdad sealed 2', 'latin1');
const SALT_BYTES = 16;
const POSITION_BYTES = 8;
const HEAD_BYTES = MARK.length + SALT_BYTES + POSITION_BYTES;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const BLOCK_BYTES = 16;
const CIPHER = 'aes-256-ctr';
const TAG_DIGEST = 'sha512-256';
/** Of earlier processes whose pieces are still there. */
const KEYS_MAX = 64;
/** After so much a new stream begins: far from the end of what numbers hold exactly. */
const STREAM_BYTES_MAX = 2 ** 50;

interface Keys {
  readonly cipher: Buffer;
  readonly tag: Buffer;
}

interface KeyStream {
  readonly salt: Buffer;
  readonly keys: Keys;
  readonly cipher: Cipheriv;
  /** Bytes of it that are used up. */
  position: number;
}

export class SmallSeals {
  readonly #key: Uint8Array;
  readonly #name: string;
  readonly #known = new LruMap<string, Keys>(KEYS_MAX);
  #stream: KeyStream;

  /** `key`: 32 bytes; `name` must be the same when pieces are opened. */
  constructor(key: Uint8Array, name: string) {
    this.#key = key;
    this.#name = name;
    this.#stream = this.#begin();
  }

  /** True for what `seal` has made, going by its first bytes. */
  static isSealed(bytes: Uint8Array): boolean {
    return MARK.equals(bytes.subarray(0, MARK.length));
  }

  /** `purpose` must be the same when it is opened. */
  seal(purpose: string, plain: Uint8Array): Buffer {
    if (this.#stream.position > STREAM_BYTES_MAX) this.#stream = this.#begin();
    const { salt, keys, cipher, position } = this.#stream;
    this.#stream.position += plain.byteLength;
    const sealed = Buffer.allocUnsafe(HEAD_BYTES + plain.byteLength + TAG_BYTES);
    MARK.copy(sealed);
    salt.copy(sealed, MARK.length);
    sealed.writeBigUInt64BE(BigInt(position), MARK.length + SALT_BYTES);
    cipher.update(plain).copy(sealed, HEAD_BYTES);
    tagOf(keys.tag, purpose, sealed).copy(sealed, HEAD_BYTES + plain.byteLength, 0, TAG_BYTES);
    return sealed;
  }

  /** Undefined when the bytes were not sealed with this key for this purpose, or have changed since. */
  unseal(purpose: string, sealed: Uint8Array): Buffer | undefined {
    if (sealed.byteLength < HEAD_BYTES + TAG_BYTES || !SmallSeals.isSealed(sealed)) return undefined;
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
    const keys = this.#keysOf(bytes.subarray(MARK.length, MARK.length + SALT_BYTES));
    if (!timingSafeEqual(tagOf(keys.tag, purpose, bytes).subarray(0, TAG_BYTES), bytes.subarray(-TAG_BYTES)))
      return undefined;
    const position = bytes.readBigUInt64BE(MARK.length + SALT_BYTES);
    const counter = Buffer.alloc(BLOCK_BYTES);
    counter.writeBigUInt64BE(position / BigInt(BLOCK_BYTES), BLOCK_BYTES - 8);
    const decipher = createDecipheriv(CIPHER, keys.cipher, counter);
    decipher.update(Buffer.alloc(Number(position % BigInt(BLOCK_BYTES))));
    return decipher.update(bytes.subarray(HEAD_BYTES, -TAG_BYTES));
  }

  #begin(): KeyStream {
    const salt = randomBytes(SALT_BYTES);
    const keys = this.#keysOf(salt);
    return { salt, keys, cipher: createCipheriv(CIPHER, keys.cipher, Buffer.alloc(BLOCK_BYTES)), position: 0 };
  }

  #keysOf(salt: Uint8Array): Keys {
    const name = Buffer.from(salt).toString('latin1');
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const both = Buffer.from(hkdfSync('sha256', this.#key, salt, this.#name, 2 * KEY_BYTES));
    const keys = { cipher: both.subarray(0, KEY_BYTES), tag: both.subarray(KEY_BYTES) };
    this.#known.set(name, keys);
    return keys;
  }
}

/** Of all before the tag. The purpose holds no zero byte, so that it cannot run into what follows. */
function tagOf(key: Buffer, purpose: string, sealed: Buffer): Buffer {
  const subject = Buffer.from(`${purpose}\0`);
  return hash(TAG_DIGEST, Buffer.concat([key, subject, sealed.subarray(0, -TAG_BYTES)]), 'buffer');
}
