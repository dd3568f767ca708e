/**
 * The signature inside a deployment package that AWS Signer has signed.
 *
 * `META_INF/aws_signer_signature_v1.0.SF` holds a PKCS #7 envelope in PEM: signed attributes under ECDSA with SHA-384,
 * and the signer's certificates. The message digest among the attributes is the SHA-384 of the SHA-384 of names and
 * contents of all other entries, in the order of the zip. Three attributes of Signer's own name the signing job, the
 * end of the signature's validity and the version of the signing profile.
 */
import { createHash, verify, X509Certificate } from 'node:crypto';
import { type Entry, fromBufferPromise, type ZipFile } from 'yauzl';
import { Asn1Error, child, type Element, encodeSet, parseAsn1, TAG, timeOf } from './code-signature-asn1.ts';

export const SIGNATURE_ENTRY = 'META_INF/aws_signer_signature_v1.0.SF';

const BEGIN = '-----BEGIN PKCS7-----';
const END = '-----END PKCS7-----';
const SIGNATURE_BYTES_MAX = 1_048_576;
const CERTIFICATES_MAX = 20;

/** Object identifiers by their encoded content, in hexadecimal. */
const OID = {
  signedData: '2a864886f70d010702',
  data: '2a864886f70d010701',
  contentType: '2a864886f70d010903',
  messageDigest: '2a864886f70d010904',
  signingTime: '2a864886f70d010905',
  sha384: '608648016503040202',
  ecdsaWithSha384: '2a8648ce3d040303',
  signingJob: '2b813b81090102',
  validUntil: '2b813b81090103',
  signingProfile: '2b813b81090104',
} as const;

const CODE_SIGNING_USE = '1.3.6.1.5.5.7.3.3';

/** What a signature says, provided that its signer is to be believed. */
export interface Signature {
  readonly signingJobArn: string;
  readonly profileVersionArn: string;
  /** Epoch milliseconds. */
  readonly signedAt: number;
  readonly validUntil: number;
  /** True when the signer's certificates lead to one of the trusted roots. */
  readonly isTrusted: boolean;
}

/** The signature is damaged, or is not one of this package. */
export class SignatureBroken extends Error {}

/**
 * The signature of a package, verified against its content; undefined for a package without one. `trustedRoots` are
 * certificates in DER. The zip must have been inspected before: its sizes are believed. Throws SignatureBroken.
 */
export async function readSignature(
  zip: Uint8Array,
  trustedRoots: readonly Uint8Array[],
): Promise<Signature | undefined> {
  const bytes = Buffer.from(zip.buffer, zip.byteOffset, zip.byteLength);
  const names = await entriesOf(bytes);
  const signatures = names.entries.filter(({ fileName }) => fileName === SIGNATURE_ENTRY);
  const [entry] = signatures;
  if (!entry) return undefined;
  try {
    if (signatures.length > 1) throw new SignatureBroken('more than one signature');
    if (entry.uncompressedSize > SIGNATURE_BYTES_MAX) throw new SignatureBroken('too large');
    const pem = (await bytesOf(names.file, entry)).toString('latin1');
    const digest = await digestOf(names.file, names.entries);
    return verifyEnvelope(envelopeOf(pem), digest, trustedRoots);
  } catch (error) {
    if (error instanceof SignatureBroken) throw error;
    if (error instanceof Asn1Error || isCryptoError(error)) throw new SignatureBroken((error as Error).message);
    throw error;
  }
}

/** OpenSSL's complaints about keys and certificates that it cannot read. */
function isCryptoError(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return code.startsWith('ERR_OSSL') || code.startsWith('ERR_CRYPTO');
}

async function entriesOf(bytes: Buffer): Promise<{ file: ZipFile; entries: Entry[] }> {
  const file = await fromBufferPromise(bytes, { strictFileNames: true });
  const entries: Entry[] = [];
  for await (const entry of file.eachEntry()) entries.push(entry);
  return { file, entries };
}

async function bytesOf(file: ZipFile, entry: Entry): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of contentOf(file, entry)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* contentOf(file: ZipFile, entry: Entry): AsyncGenerator<Buffer> {
  if (entry.fileName.endsWith('/')) return;
  for await (const chunk of await file.openReadStreamPromise(entry)) yield chunk as Buffer;
}

async function digestOf(file: ZipFile, entries: readonly Entry[]): Promise<Buffer> {
  const hash = createHash('sha384');
  for (const entry of entries) {
    if (entry.fileName === SIGNATURE_ENTRY) continue;
    hash.update(entry.fileName);
    for await (const chunk of contentOf(file, entry)) hash.update(chunk);
  }
  return createHash('sha384').update(hash.digest()).digest();
}

/** Cut by hand: an expression over the whole would try every way to share out a megabyte of spaces. */
function envelopeOf(pem: string): Element {
  const text = pem.trimEnd();
  const body = text.slice(BEGIN.length, -END.length);
  if (!text.startsWith(BEGIN) || !text.endsWith(END) || !/^\s[A-Za-z0-9+/=\s]+$/.test(body))
    throw new SignatureBroken('no PKCS #7 envelope');
  return parseAsn1(Buffer.from(body, 'base64'));
}

function verifyEnvelope(envelope: Element, digest: Buffer, trustedRoots: readonly Uint8Array[]): Signature {
  expectOid(child(envelope, 0, TAG.objectId), OID.signedData);
  const signedData = child(child(envelope, 1, TAG.context0), 0, TAG.sequence);
  expectOid(child(child(signedData, 2, TAG.sequence), 0, TAG.objectId), OID.data);
  const certificates = child(signedData, 3, TAG.context0).children;
  if (certificates.length > CERTIFICATES_MAX) throw new SignatureBroken('too many certificates');
  const signers = child(signedData, -1, TAG.set);
  if (signers.children.length !== 1) throw new SignatureBroken('not one signer');
  const signer = child(signers, 0, TAG.sequence);
  const identity = child(signer, 1, TAG.sequence);
  expectOid(child(child(signer, 2, TAG.sequence), 0, TAG.objectId), OID.sha384);
  const signed = child(signer, 3, TAG.context0);
  expectOid(child(child(signer, 4, TAG.sequence), 0, TAG.objectId), OID.ecdsaWithSha384);
  const signature = child(signer, 5, TAG.octetString).content;

  const leaf = certificates.find((certificate) => isIssuedAs(certificate, identity));
  if (!leaf) throw new SignatureBroken('the certificate of the signer is missing');
  const chain = certificates.map(({ encoded }) => new X509Certificate(encoded));
  const signerCertificate = new X509Certificate(leaf.encoded);
  // What is signed is the set in its distinguished encoding, whatever form it has inside the envelope.
  const attributes = encodeSet(signed.children);
  if (!verify('sha384', attributes, signerCertificate.publicKey, signature)) throw new SignatureBroken('not signed so');

  const values = attributesOf(signed);
  expectOid(attributeValue(values, OID.contentType, TAG.objectId), OID.data);
  if (!attributeValue(values, OID.messageDigest, TAG.octetString).content.equals(digest))
    throw new SignatureBroken('the content is another one');
  const signedAt = timeOf(attributeValue(values, OID.signingTime));
  return {
    signingJobArn: attributeValue(values, OID.signingJob, TAG.utf8String).content.toString(),
    profileVersionArn: attributeValue(values, OID.signingProfile, TAG.utf8String).content.toString(),
    signedAt,
    validUntil: timeOf(attributeValue(values, OID.validUntil)),
    isTrusted: leadsToRoot(signerCertificate, chain, trustedRoots, signedAt),
  };
}

function expectOid({ content }: Element, oid: string): void {
  if (content.toString('hex') !== oid) throw new SignatureBroken(`not of the kind ${oid}`);
}

/** True for the certificate with the issuer and the serial number that the signer's identity names. */
function isIssuedAs(certificate: Element, identity: Element): boolean {
  const body = child(certificate, 0, TAG.sequence);
  // The version, a tagged element, stands before the rest.
  const serial = child(body, 1, TAG.integer);
  const issuer = child(body, 3, TAG.sequence);
  return (
    issuer.encoded.equals(child(identity, 0, TAG.sequence).encoded) &&
    serial.content.equals(child(identity, 1, TAG.integer).content)
  );
}

function attributesOf(signed: Element): Map<string, Element> {
  const values = new Map<string, Element>();
  for (const attribute of signed.children) {
    const name = child(attribute, 0, TAG.objectId).content.toString('hex');
    const [value, ...more] = child(attribute, 1, TAG.set).children;
    if (!value || more.length > 0 || values.has(name)) throw new SignatureBroken('an attribute without one value');
    values.set(name, value);
  }
  return values;
}

function attributeValue(values: ReadonlyMap<string, Element>, oid: string, tag?: number): Element {
  const value = values.get(oid);
  if (!value || (tag !== undefined && value.tag !== tag)) throw new SignatureBroken(`no attribute ${oid}`);
  return value;
}

/** Certificates must have been valid when the signature was made; how long it holds is said by the signature. */
function leadsToRoot(
  leaf: X509Certificate,
  chain: readonly X509Certificate[],
  trustedRoots: readonly Uint8Array[],
  signedAt: number,
): boolean {
  if (!leaf.keyUsage?.includes(CODE_SIGNING_USE)) return false;
  const roots = trustedRoots.map((root) => new X509Certificate(root));
  let certificate = leaf;
  for (let steps = 0; steps <= CERTIFICATES_MAX; steps++) {
    if (signedAt < Date.parse(certificate.validFrom) || signedAt > Date.parse(certificate.validTo)) return false;
    const current = certificate;
    if (roots.some((root) => root.raw.equals(current.raw))) return true;
    const issuer = [...roots, ...chain].find((other) => isIssuer(other, current));
    if (!issuer) return false;
    certificate = issuer;
  }
  return false;
}

function isIssuer(other: X509Certificate, certificate: X509Certificate): boolean {
  if (other.raw.equals(certificate.raw) || !other.ca) return false;
  return certificate.checkIssued(other) && certificate.verify(other.publicKey);
}
