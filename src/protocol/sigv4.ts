// Judges who sent a request, from its head alone: before the body is read and before anything else looks at the
// request. Where the signature covers a body whose digest the head does not declare (botocore declares none), the
// judgement of the signature waits for the body; key, scope and date are judged at once.
import type { KeyObject } from 'node:crypto';
import { ApiError } from '../model/api-error.ts';
import { type Authorization, readAuthorization } from './authorization.ts';
import { canonicalRequest, type RawHeaders, sha256Hex } from './canonical-request.ts';
import type { Headers } from './parse.ts';
import { sameSignature, sign, signingKey, stringToSign, TERMINATOR } from './signature.ts';
import type { QueryParameter } from './target.ts';

/** The secret behind an access key id. */
export interface Secret {
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** 12 digits. */
  readonly account: string;
  /** Epoch milliseconds after which the key is not accepted. */
  readonly expiresAtMs?: number;
}

export interface RequestHead {
  readonly method: string;
  /** As they came over the wire. */
  readonly path: string;
  readonly rawQuery: string;
  readonly query: readonly QueryParameter[];
  readonly headers: Headers;
  readonly rawHeaders: RawHeaders;
}

/** How the body is held against the signature. */
export type BodyRule =
  | { readonly kind: 'unchecked' }
  | { readonly kind: 'declared'; readonly sha256: string }
  | { readonly kind: 'undeclared'; readonly verify: (sha256: string) => void }
  | { readonly kind: 'chunked'; readonly chain: ChunkChain | undefined };

/** What verifies the chunks of a body that is signed as it is sent. */
export interface ChunkChain {
  readonly key: KeyObject;
  readonly timestamp: string;
  readonly authorization: Authorization;
}

/** Who sent a request, and how its body is to be checked. */
export interface Caller {
  readonly accessKeyId: string;
  readonly account: string;
  readonly region: string;
  readonly service: string;
  readonly body: BodyRule;
}

export interface JudgeOptions {
  readonly nowMs: number;
  readonly findSecret: (accessKeyId: string) => Secret | undefined;
  /** Service names that the scope may hold. */
  readonly services: readonly string[];
  readonly normalisePath?: boolean;
  /** For clients that add the session token to a presigned query after signing. */
  readonly tokenUnsigned?: boolean;
}

export const SKEW_MS = 15 * 60_000;
const SKEW_MINUTES = SKEW_MS / 60_000;
export const PRESIGNED_SECONDS_MAX = 7 * 24 * 3600;
/** The account of every key that does not name one. */
export const DEFAULT_ACCOUNT = '000000000000';

const REGION = /^(eusc-)?[a-z]{2}(-gov|-iso[a-z]?)?-[a-z]+-\d$/;
const ACCOUNT = /^\d{12}$/;
const TIMESTAMP = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/;
const AMAZON_HEADER = /^x-amz-/i;
const SHA256 = /^[0-9a-f]{64}$/;
const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';
const CHUNKED_PAYLOAD = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD';
const EMPTY_SHA256 = sha256Hex('');

function invalidSignature(message: string): ApiError {
  return new ApiError('InvalidSignatureException', message);
}

const MISMATCH =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key ' +
  'and signing method. Consult the service documentation for details.';

/** Nobody has such a key, or not with this session token. */
export function unknownToken(): ApiError {
  return new ApiError('UnrecognizedClientException', 'The security token included in the request is invalid.');
}

function compact(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

/** The last time that was read: requests of one second come with the same one. */
let lastTime: ReadTime | undefined;

interface ReadTime {
  readonly text: string;
  readonly ms: number;
  readonly compacted: string;
}

function timeOf(text: string): ReadTime {
  if (lastTime?.text === text) return lastTime;
  const ms = readTime(text);
  lastTime = { text, ms, compacted: compact(ms) };
  return lastTime;
}

function readTime(timestamp: string): number {
  const fields = TIMESTAMP.exec(timestamp);
  const ms = fields ? Date.parse(timestamp.replace(TIMESTAMP, '$1-$2-$3T$4:$5:$6Z')) : Date.parse(timestamp); // A Date header: RFC 822.
  if (timestamp === '' || Number.isNaN(ms))
    throw new ApiError(
      'IncompleteSignatureException',
      `Date must be in ISO-8601 'basic format'. Got '${timestamp.slice(0, 100)}'. ` +
        'See http://en.wikipedia.org/wiki/ISO_8601',
    );
  return ms;
}

function judgeScope(claim: Authorization, services: readonly string[]): void {
  if (claim.terminator !== TERMINATOR)
    throw invalidSignature(
      `Credential should be scoped with a valid terminator: '${TERMINATOR}', not '${claim.terminator.slice(0, 100)}'.`,
    );
  if (!services.includes(claim.service))
    throw invalidSignature(`Credential should be scoped to correct service: '${services[0]}'. `);
  if (!REGION.test(claim.region)) throw invalidSignature('Credential should be scoped to a valid region. ');
}

function judgeTime(claim: Authorization, nowMs: number): string {
  const { ms: signedAtMs, compacted: timestamp } = timeOf(claim.timestamp);
  if (!timestamp.startsWith(claim.date) || claim.date.length !== 8)
    throw invalidSignature(
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: ` +
        `'${claim.date.slice(0, 100)}' != '${timestamp.slice(0, 8)}', from '${timestamp}'.`,
    );
  if (signedAtMs > nowMs + SKEW_MS)
    throw invalidSignature(
      `Signature not yet current: ${timestamp} is still later than ${compact(nowMs + SKEW_MS)} ` +
        `(${compact(nowMs)} + ${SKEW_MINUTES} min.)`,
    );
  if (claim.expiresSeconds !== undefined) judgeExpiry(claim.expiresSeconds, signedAtMs, nowMs);
  else if (signedAtMs < nowMs - SKEW_MS)
    throw invalidSignature(
      `Signature expired: ${timestamp} is now earlier than ${compact(nowMs - SKEW_MS)} ` +
        `(${compact(nowMs)} - ${SKEW_MINUTES} min.)`,
    );
  return timestamp;
}

function judgeExpiry(text: string, signedAtMs: number, nowMs: number): void {
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(seconds >= 1 && seconds <= PRESIGNED_SECONDS_MAX))
    throw new ApiError(
      'IncompleteSignatureException',
      `X-Amz-Expires must be a number from 1 to ${PRESIGNED_SECONDS_MAX} seconds (a week).`,
    );
  const endMs = signedAtMs + seconds * 1000;
  if (endMs < nowMs)
    throw invalidSignature(`Signature expired: ${compact(endMs)} is now earlier than ${compact(nowMs)}`);
}

function judgeSecret(claim: Authorization, secret: Secret | undefined, nowMs: number): Secret {
  if (!secret) throw unknownToken();
  const { sessionToken } = secret;
  if (sessionToken === undefined ? claim.sessionToken : !sameSignature(sessionToken, claim.sessionToken ?? ''))
    throw unknownToken();
  if (secret.expiresAtMs !== undefined && secret.expiresAtMs <= nowMs)
    throw new ApiError('ExpiredTokenException', 'The security token included in the request is expired');
  return secret;
}

/** The host and every `x-amz-` header must be signed; a session token may be added after signing. */
function judgeSignedHeaders(head: RequestHead, claim: Authorization): void {
  const signed = new Set(claim.signedHeaders);
  if (!signed.has('host'))
    throw invalidSignature("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
  for (let i = 0; i < head.rawHeaders.length; i += 2) {
    const given = head.rawHeaders[i] ?? '';
    if (!AMAZON_HEADER.test(given)) continue;
    const name = given.toLowerCase();
    if (name === 'x-amz-security-token' || signed.has(name)) continue;
    throw invalidSignature(`'${name.slice(0, 100)}' must be a 'SignedHeader' in the AWS Authorization.`);
  }
}

function declaredPayload(head: RequestHead): string | undefined {
  const header = head.headers['x-amz-content-sha256'];
  if (typeof header === 'string') return header;
  const parameter = head.query.find(({ name }) => name === 'X-Amz-Content-Sha256')?.value;
  if (parameter !== undefined) return parameter;
  const length = head.headers['content-length'];
  const bodiless = head.headers['transfer-encoding'] === undefined && (length === undefined || length === '0');
  return bodiless ? EMPTY_SHA256 : undefined;
}

const omitSignature = new Set(['X-Amz-Signature']);
const omitSignatureAndToken = new Set(['X-Amz-Signature', 'X-Amz-Security-Token']);

/**
 * Judges the head of a request under `sigv4`: key known, session token, scope, time, signed headers, and the signature
 * when the head declares the digest of the body.
 *
 * @throws ApiError MissingAuthenticationTokenException, UnrecognizedClientException, InvalidSignatureException,
 *   ExpiredTokenException (403), IncompleteSignatureException (400), with AWS's texts
 */
export function judgeHead(head: RequestHead, options: JudgeOptions): Caller {
  const claim = readAuthorization(head.headers, head.query);
  const secret = judgeSecret(claim, options.findSecret(claim.accessKeyId), options.nowMs);
  judgeScope(claim, options.services);
  const timestamp = judgeTime(claim, options.nowMs);
  judgeSignedHeaders(head, claim);
  const key = signingKey(secret.secretAccessKey, claim);
  const verify = (payloadHash: string) => {
    const canonical = canonicalRequest({
      method: head.method,
      path: head.path,
      query: head.rawQuery,
      headers: head.rawHeaders,
      signedHeaders: claim.signedHeaders,
      payloadHash,
      normalisePath: options.normalisePath ?? true,
      ...(claim.form === 'query' ? { omitQuery: options.tokenUnsigned ? omitSignatureAndToken : omitSignature } : {}),
    });
    if (!sameSignature(sign(key, stringToSign(timestamp, claim, canonical)), claim.signature))
      throw invalidSignature(MISMATCH);
  };
  const { accessKeyId, region, service } = claim;
  const caller = { accessKeyId, account: secret.account, region, service };
  const payload = declaredPayload(head);
  if (payload === undefined) return { ...caller, body: { kind: 'undeclared', verify } };
  verify(payload);
  return { ...caller, body: bodyRule(payload, { key, timestamp, authorization: claim }) };
}

function bodyRule(payload: string, chain: ChunkChain | undefined): BodyRule {
  if (payload === UNSIGNED_PAYLOAD) return { kind: 'unchecked' };
  if (payload === CHUNKED_PAYLOAD) return { kind: 'chunked', chain };
  if (SHA256.test(payload)) return { kind: 'declared', sha256: payload };
  throw invalidSignature(`The value of x-amz-content-sha256 is not supported: '${payload.slice(0, 100)}'.`);
}

/** The account of a key that is known for another reason than its form; undefined for others. May throw ApiError. */
export type FindAccount = (accessKeyId: string, sessionToken: string | undefined) => string | undefined;

/**
 * The caller under `open`: any well-formed claim is believed, stale dates included. The account is what `findAccount`
 * says, else the access key id when that is 12 digits, else 000000000000.
 *
 * @throws ApiError MissingAuthenticationTokenException (403), IncompleteSignatureException (400),
 *   InvalidSignatureException (403) for a scope that no request can have
 */
export function believeHead(head: RequestHead, services: readonly string[], findAccount?: FindAccount): Caller {
  const claim = readAuthorization(head.headers, head.query);
  judgeScope(claim, services);
  const chunked = head.headers['x-amz-content-sha256'] === CHUNKED_PAYLOAD;
  return {
    accessKeyId: claim.accessKeyId,
    account: findAccount?.(claim.accessKeyId, claim.sessionToken) ?? accountOf(claim.accessKeyId),
    region: claim.region,
    service: claim.service,
    body: chunked ? { kind: 'chunked', chain: undefined } : { kind: 'unchecked' },
  };
}

/** The account that an access key id stands for when no file says otherwise. */
export function accountOf(accessKeyId: string): string {
  return ACCOUNT.test(accessKeyId) ? accessKeyId : DEFAULT_ACCOUNT;
}
