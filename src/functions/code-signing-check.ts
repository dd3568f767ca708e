/**
 * Holds new code against the code signing configuration of its function (lambda-facts 6.7).
 *
 * Deliberate difference from AWS: lambdad trusts the root certificates that it was given, and no others. A signature
 * that leads to none of them cannot be verified, and counts as that of a stranger.
 */
import type { Clock } from '../base/clock.ts';
import { ApiError } from '../model/api-error.ts';
import {
  type InertSettings,
  NeighbourRefusal,
  type Neighbours,
  NeighbourUnreachable,
} from '../neighbours/neighbours.ts';
import type { Namespace } from '../store/namespace.ts';
import { readSignature, type Signature, SignatureBroken } from './code-signature.ts';
import type { CodeSigningBody } from './code-signing-config.ts';
import type { Signing } from './records.ts';

export interface CheckTools {
  readonly neighbours: Neighbours;
  readonly inert: InertSettings;
  readonly clock: Clock;
  /** Certificates in DER that signatures may lead to; none of them, and no signature can be verified. */
  readonly signingRoots: readonly Uint8Array[];
}

export interface SignedCode {
  /** Inspected already. */
  readonly zip: Uint8Array;
  /** As AWS names it in its refusal: the function's name while it is created, its ARN while it is updated. */
  readonly subject: string;
}

/** What came of a check that let the code through. */
export interface CheckedSignature {
  /** Only of a signature that holds in every respect. */
  readonly signing?: Signing;
  /** Why the code is not trusted, one line for the logs of the server and of the function: only under Warn. */
  readonly warning?: string;
}

/**
 * Throws InvalidCodeSignatureException for a signature that is not one of this code, under either policy;
 * CodeVerificationFailedException under Enforce for code that is not signed, or not by an allowed publisher, or whose
 * signature has ended, was revoked or cannot be verified.
 */
export async function checkSignature(
  tools: CheckTools,
  namespace: Namespace,
  config: CodeSigningBody,
  { zip, subject }: SignedCode,
): Promise<CheckedSignature> {
  const signature = await signatureOf(zip, subject, tools.signingRoots);
  const objection = await objectionTo(tools, namespace, config, signature);
  if (objection === undefined && signature)
    return { signing: { profileVersionArn: signature.profileVersionArn, jobArn: signature.signingJobArn } };
  if (config.untrustedArtifact === 'Enforce')
    throw new ApiError(
      'CodeVerificationFailedException',
      `Lambda cannot deploy the function. The function or layer might be signed using a signature that the client is not configured to accept. Check the provided signature for ${subject}.`,
    );
  return { warning: `code signing: ${subject}: ${objection}` };
}

/** AWS's text for a broken signature was not recorded. */
async function signatureOf(
  zip: Uint8Array,
  subject: string,
  trustedRoots: readonly Uint8Array[],
): Promise<Signature | undefined> {
  try {
    return await readSignature(zip, trustedRoots);
  } catch (error) {
    if (!(error instanceof SignatureBroken)) throw error;
    throw new ApiError(
      'InvalidCodeSignatureException',
      `Lambda cannot deploy the function. The code signature failed the integrity check. Check the provided signature for ${subject}.`,
    );
  }
}

/** What speaks against trusting the code; undefined when nothing does. */
async function objectionTo(
  { neighbours, inert, clock }: CheckTools,
  namespace: Namespace,
  config: CodeSigningBody,
  signature: Signature | undefined,
): Promise<string | undefined> {
  if (!signature) return 'the package is not signed';
  const { profileVersionArn, validUntil, isTrusted } = signature;
  if (!isTrusted) return 'the certificates of the signature lead to no root certificate that lambdad trusts';
  if (!config.allowedPublishers.includes(profileVersionArn)) return `${profileVersionArn} is not an allowed publisher`;
  if (validUntil < clock.now()) return `the signature was valid until ${new Date(validUntil).toISOString()}`;
  if (!neighbours.signer) {
    inert.note('signer', 'revocation of signatures', profileVersionArn);
    return undefined;
  }
  try {
    const { status } = await neighbours.signer.getSigningProfile(namespace, profileVersionArn);
    return status === 'Revoked' ? `${profileVersionArn} was revoked` : undefined;
  } catch (error) {
    if (error instanceof NeighbourRefusal || error instanceof NeighbourUnreachable)
      return `AWS Signer does not vouch for ${profileVersionArn}: ${error.message}`;
    throw error;
  }
}
