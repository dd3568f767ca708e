import { createHmac, createSecretKey, type Hmac, type KeyObject, timingSafeEqual } from 'node:crypto';
import { LruMap } from '../base/lru.ts';
import { ALGORITHM, type Authorization } from './authorization.ts';
import { sha256Hex } from './canonical-request.ts';

export const TERMINATOR = 'aws4_request';

/** Signing keys hold for one secret, day, region and service; deriving one takes four HMACs. */
const SIGNING_KEYS_MAX = 1000;
/** As objects of their own kind: to make one of bytes anew for each request takes longer than all that is signed with it. */
const signingKeys = new LruMap<string, KeyObject>(SIGNING_KEYS_MAX);

function hmacOf(key: string | Buffer | KeyObject, text: string): Hmac {
  return createHmac('sha256', key).update(text, 'latin1');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return hmacOf(key, text).digest();
}

/** The key that signs everything of one credential scope. */
export function signingKey(secret: string, { date, region, service }: Scope): KeyObject {
  // The secret itself is part of the name: a changed secret must not find the old key.
  const name = `${date}/${region}/${service}/${secret}`;
  const known = signingKeys.get(name);
  if (known) return known;
  const key = createSecretKey(hmac(hmac(hmac(hmac(`AWS4${secret}`, date), region), service), TERMINATOR));
  signingKeys.set(name, key);
  return key;
}

export type Scope = Pick<Authorization, 'date' | 'region' | 'service'>;

export function scopeText({ date, region, service }: Scope): string {
  return `${date}/${region}/${service}/${TERMINATOR}`;
}

/** The string to sign of a request: its time, scope, and the digest of its canonical form. */
export function stringToSign(timestamp: string, scope: Scope, canonical: string): string {
  return [ALGORITHM, timestamp, scopeText(scope), sha256Hex(canonical)].join('\n');
}

/** The string to sign of one chunk of a body that is signed as it is sent. */
export function chunkStringToSign(timestamp: string, scope: Scope, previous: string, chunkSha256: string): string {
  return [`${ALGORITHM}-PAYLOAD`, timestamp, scopeText(scope), previous, sha256Hex(''), chunkSha256].join('\n');
}

export function sign(key: KeyObject, text: string): string {
  return hmacOf(key, text).digest('hex');
}

/** Compares in a time that tells nothing about where the two differ. */
export function sameSignature(computed: string, claimed: string): boolean {
  const a = Buffer.from(computed, 'latin1');
  const b = Buffer.from(claimed, 'latin1');
  return a.length === b.length && timingSafeEqual(a, b);
}
