/** Packages signed in the form of AWS Signer, under certificates made here. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { zipOf } from '../support/zip.ts';

const OID = {
  commonName: [2, 5, 4, 3],
  basicConstraints: [2, 5, 29, 19],
  extendedKeyUsage: [2, 5, 29, 37],
  codeSigning: [1, 3, 6, 1, 5, 5, 7, 3, 3],
  serverAuth: [1, 3, 6, 1, 5, 5, 7, 3, 1],
  ecdsaWithSha384: [1, 2, 840, 10045, 4, 3, 3],
  sha384: [2, 16, 840, 1, 101, 3, 4, 2, 2],
  data: [1, 2, 840, 113549, 1, 7, 1],
  signedData: [1, 2, 840, 113549, 1, 7, 2],
  contentType: [1, 2, 840, 113549, 1, 9, 3],
  messageDigest: [1, 2, 840, 113549, 1, 9, 4],
  signingTime: [1, 2, 840, 113549, 1, 9, 5],
  signingJob: [1, 3, 187, 137, 1, 2],
  validUntil: [1, 3, 187, 137, 1, 3],
  signingProfile: [1, 3, 187, 137, 1, 4],
} as const;

const SEQUENCE = 0x30;
const SET = 0x31;
const CONTEXT = 0xa0;

function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content]);
  if (length < 0x100) return Buffer.concat([Buffer.of(tag, 0x81, length), content]);
  return Buffer.concat([Buffer.of(tag, 0x82, length >> 8, length & 0xff), content]);
}

const sequence = (...contents: readonly Uint8Array[]) => der(SEQUENCE, ...contents);
const setOf = (...contents: readonly Uint8Array[]) => der(SET, ...contents);
const integer = (value: number) => der(0x02, Buffer.of(value));
const octets = (bytes: Uint8Array) => der(0x04, bytes);
const utf8 = (text: string) => der(0x0c, Buffer.from(text));
const time = (ms: number) => der(0x18, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]|\.\d+Z$/g, '')}Z`));

function oid([first, second, ...rest]: readonly number[]): Buffer {
  const octetsOf = (value: number): number[] =>
    value < 0x80 ? [value] : [...octetsOf(value >> 7).map((octet) => octet | 0x80), value & 0x7f];
  return der(0x06, Buffer.from([first! * 40 + second!, ...rest.flatMap(octetsOf)]));
}

const name = (commonName: string) => sequence(setOf(sequence(oid(OID.commonName), utf8(commonName))));
const extension = (id: readonly number[], value: Uint8Array) => sequence(oid(id), octets(value));
const algorithm = sequence(oid(OID.ecdsaWithSha384));

interface Certified {
  readonly commonName: string;
  readonly serial: number;
  readonly certificate: Buffer;
  readonly privateKey: KeyObject;
}

interface CertificateOptions {
  readonly issuer?: Certified;
  readonly validFrom: number;
  readonly validTo: number;
  readonly use?: readonly number[];
}

function certify(
  commonName: string,
  serial: number,
  { issuer, validFrom, validTo, use }: CertificateOptions,
): Certified {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const isAuthority = use === undefined;
  const extensions = isAuthority
    ? extension(OID.basicConstraints, sequence(der(0x01, Buffer.of(0xff))))
    : extension(OID.extendedKeyUsage, sequence(oid(use)));
  const body = sequence(
    der(CONTEXT, integer(2)),
    integer(serial),
    algorithm,
    name(issuer?.commonName ?? commonName),
    sequence(time(validFrom), time(validTo)),
    name(commonName),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(CONTEXT + 3, sequence(extensions)),
  );
  const signature = sign('sha384', body, issuer?.privateKey ?? privateKey);
  const certificate = sequence(body, algorithm, der(0x03, Buffer.of(0), signature));
  return { commonName, serial, certificate, privateKey };
}

export interface Signer {
  /** In DER. */
  readonly root: Buffer;
  readonly leaf: Certified;
}

const DAY_MS = 86_400_000;

/** A root and a certificate for signing code under it, valid around `nowMs`. */
export function makeSigner(nowMs: number, use: 'codeSigning' | 'serverAuth' = 'codeSigning'): Signer {
  const days = { validFrom: nowMs - DAY_MS, validTo: nowMs + 30 * DAY_MS };
  const root = certify('Root', 1, days);
  return { root: root.certificate, leaf: certify('Signer', 2, { ...days, issuer: root, use: OID[use] }) };
}

export interface SigningOptions {
  readonly signer: Signer;
  readonly profileVersionArn: string;
  readonly signingJobArn: string;
  readonly signedAt: number;
  readonly validUntil: number;
  /** Put into the zip and not signed, or in place of what was signed. */
  readonly tampered?: Readonly<Record<string, string>>;
}

/** A zip of `files` with a signature over them, its envelope with lengths left open as Signer leaves them. */
export async function signedZipOf(files: Readonly<Record<string, string>>, options: SigningOptions): Promise<Buffer> {
  const { signer, profileVersionArn, signingJobArn, signedAt, validUntil, tampered = {} } = options;
  const all = Object.entries(files).map(([path, content]) => path + content);
  const inner = createHash('sha384').update(all.join('')).digest();
  const digest = createHash('sha384').update(inner).digest();
  const attribute = (id: readonly number[], value: Uint8Array) => sequence(oid(id), setOf(value));
  const unsorted = [
    attribute(OID.contentType, oid(OID.data)),
    attribute(OID.messageDigest, octets(digest)),
    attribute(OID.signingTime, time(signedAt)),
    attribute(OID.signingJob, utf8(signingJobArn)),
    attribute(OID.validUntil, time(validUntil)),
    attribute(OID.signingProfile, utf8(profileVersionArn)),
  ];
  // Signed in order, and put into the envelope out of it, which the encoding allows.
  const inOrder = setOf(...unsorted.toSorted(Buffer.compare));
  const { leaf, root } = signer;
  const signerInfo = sequence(
    integer(1),
    sequence(name('Root'), integer(leaf.serial)),
    sequence(oid(OID.sha384)),
    der(CONTEXT, ...unsorted),
    algorithm,
    octets(sign('sha384', inOrder, leaf.privateKey)),
  );
  const signedData = sequence(
    integer(1),
    setOf(sequence(oid(OID.sha384))),
    sequence(oid(OID.data)),
    der(CONTEXT, leaf.certificate, root),
    setOf(signerInfo),
  );
  const open = (tag: number, ...contents: readonly Uint8Array[]) =>
    Buffer.concat([Buffer.of(tag, 0x80), ...contents, Buffer.of(0, 0)]);
  const envelope = open(SEQUENCE, oid(OID.signedData), open(CONTEXT, signedData));
  const base64 = envelope.toString('base64').replace(/.{64}/g, '$&\n');
  const pem = `-----BEGIN PKCS7-----\n${base64}\n-----END PKCS7-----\n`;
  return zipOf({ ...files, 'META_INF/aws_signer_signature_v1.0.SF': pem, ...tampered });
}
