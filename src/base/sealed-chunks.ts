/**
 * Bytes at rest, encrypted piece by piece so that no large one holds up the event loop: AES-256-GCM under a key of
 * their own, drawn from a key and a random salt.
 *
 * Layout: 16 bytes of mark, 16 bytes of salt, then each megabyte of the plain bytes as cipher text and its 16-byte tag.
 * The nonce of a piece is its number and whether it is the last, so that pieces cannot be swapped, dropped or cut off.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** No zip begins like this. */
const MARK = Buffer.from('lambdad sealed 1', 'latin1');
const SALT_BYTES = 16;
const HEAD_BYTES = MARK.length + SALT_BYTES;
const PIECE_BYTES = 1_048_576;
const TAG_BYTES = 16;
const NONCE_BYTES = 12;
const KEY_BYTES = 32;
const ALGORITHM = 'aes-256-gcm';

/** True for what `seal` has made, going by its first bytes. */
export function isSealed(bytes: Uint8Array): boolean {
  return bytes.byteLength >= HEAD_BYTES && MARK.equals(bytes.subarray(0, MARK.length));
}

/** `key`: 32 bytes. `purpose` must be the same when it is opened. */
export async function* seal(key: Uint8Array, purpose: string, plain: Uint8Array): AsyncGenerator<Uint8Array> {
  const salt = randomBytes(SALT_BYTES);
  const own = ownKey(key, salt, purpose);
  yield Buffer.concat([MARK, salt]);
  const pieces = Math.max(1, Math.ceil(plain.byteLength / PIECE_BYTES));
  for (let number = 0; number < pieces; number++) {
    if (number > 0) await nextTurn();
    const cipher = createCipheriv(ALGORITHM, own, nonceOf(number, number === pieces - 1));
    const piece = cipher.update(plain.subarray(number * PIECE_BYTES, (number + 1) * PIECE_BYTES));
    cipher.final();
    yield piece;
    yield cipher.getAuthTag();
  }
}

/** Undefined when the bytes were not sealed with this key for this purpose, or have changed since. */
export async function unseal(key: Uint8Array, purpose: string, sealed: Uint8Array): Promise<Uint8Array | undefined> {
  if (!isSealed(sealed)) return undefined;
  const own = ownKey(key, sealed.subarray(MARK.length, HEAD_BYTES), purpose);
  const body = sealed.subarray(HEAD_BYTES);
  const stride = PIECE_BYTES + TAG_BYTES;
  const pieces = Math.max(1, Math.ceil(body.byteLength / stride));
  const plainBytes = body.byteLength - pieces * TAG_BYTES;
  if (plainBytes < 0) return undefined;
  const plain = Buffer.allocUnsafeSlow(plainBytes);
  for (let number = 0; number < pieces; number++) {
    if (number > 0) await nextTurn();
    const piece = body.subarray(number * stride, (number + 1) * stride);
    const decipher = createDecipheriv(ALGORITHM, own, nonceOf(number, number === pieces - 1), {
      authTagLength: TAG_BYTES,
    });
    try {
      decipher.setAuthTag(piece.subarray(-TAG_BYTES));
      decipher.update(piece.subarray(0, -TAG_BYTES)).copy(plain, number * PIECE_BYTES);
      decipher.final();
    } catch {
      return undefined;
    }
  }
  return plain;
}

function ownKey(key: Uint8Array, salt: Uint8Array, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', key, salt, purpose, KEY_BYTES));
}

function nonceOf(number: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUInt32BE(number, NONCE_BYTES - 5);
  nonce.writeUInt8(isLast ? 1 : 0, NONCE_BYTES - 1);
  return nonce;
}
