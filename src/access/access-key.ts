import type { Ids } from '../base/ids.ts';

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const KEY_ID_CHARS = 16;
const SECRET_BYTES = 30;

/** A new access key in AWS's form: `AKIA…` lasts, `ASIA…` is temporary and goes with a session token. */
export function randomAccessKey(
  ids: Ids,
  prefix: 'AKIA' | 'ASIA',
): { readonly accessKeyId: string; readonly secretAccessKey: string } {
  const bytes = Buffer.from(ids.hex(2 * KEY_ID_CHARS), 'hex');
  const accessKeyId = `${prefix}${Array.from(bytes, (byte) => BASE32.charAt(byte % BASE32.length)).join('')}`;
  return { accessKeyId, secretAccessKey: Buffer.from(ids.hex(2 * SECRET_BYTES), 'hex').toString('base64') };
}
