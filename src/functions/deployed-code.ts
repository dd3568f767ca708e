/** From a fetched zip to code that a version runs: signature, storage and the limits that code and layers share. */
import type { Clock } from '../base/clock.ts';
import type { LayerUse } from '../layers/layer-records.ts';
import type { CodePackages, CodeRef } from '../packages/code-packages.ts';
import type { SourcedZip } from '../packages/code-source.ts';
import type { MetadataStore } from '../store/metadata.ts';
import type { Namespace } from '../store/namespace.ts';
import { type CheckedSignature, type CheckTools, checkSignature, type SignedCode } from './code-signing-check.ts';
import { readCodeSigningConfig } from './code-signing-config.ts';
import { storeCode } from './code-source.ts';
import { checkCodeStorage } from './code-storage.ts';
import { checkUnzippedSize } from './layer-references.ts';
import type { DeployedCode, Settings } from './records.ts';

export interface DeployTools extends CheckTools {
  readonly metadata: MetadataStore;
  readonly packages: CodePackages;
  readonly clock: Clock;
  readonly limits: { readonly codeSizeUnzippedBytes: number; readonly totalCodeSizeBytes: number };
  /** Takes a line for whoever runs the server. */
  readonly note: (line: string) => void;
  /** Counts, by function, the packages that code signing warned of. */
  readonly metrics: { of(account: string, region: string, functionName: string): { signatureErrors: number } };
}

export interface Deployment {
  readonly functionName: string;
  /** The name that refusals give the function: AWS says its name while it is created, its ARN while it is updated. */
  readonly subject: string;
  readonly zip: SourcedZip;
  readonly settings: Pick<Settings, 'layers' | 'kept'>;
  readonly codeSigningConfigArn?: string | undefined;
  /** Published at once, it counts twice against the account's storage. */
  readonly publish: boolean;
}

/**
 * Checks the zip's signature where the function has a code signing configuration, and stores it. Throws
 * CodeSigningConfigNotFoundException, InvalidCodeSignatureException, CodeVerificationFailedException,
 * CodeStorageExceededException, and what the packages throw.
 */
export async function deployCode(
  tools: DeployTools,
  namespace: Namespace,
  deployment: Deployment,
): Promise<DeployedCode> {
  const { functionName, zip, settings } = deployment;
  const sourceKeyArn = settings.kept.SourceKMSKeyArn as string | undefined;
  return checkDeployment(tools, namespace, deployment, () =>
    storeCode(tools, namespace, functionName, zip, sourceKeyArn),
  );
}

/** What deployCode would answer with, and throws what it would throw; nothing is stored. */
export async function tryDeployment(
  tools: DeployTools,
  namespace: Namespace,
  deployment: Deployment,
): Promise<DeployedCode> {
  return checkDeployment(tools, namespace, deployment, () => tools.packages.inspect(deployment.zip.bytes));
}

async function checkDeployment(
  tools: DeployTools,
  namespace: Namespace,
  { functionName, subject, zip, settings, codeSigningConfigArn, publish }: Deployment,
  take: () => Promise<CodeRef>,
): Promise<DeployedCode> {
  const { limits } = tools;
  const checked =
    codeSigningConfigArn === undefined
      ? {}
      : await checkCode(tools, namespace, { codeSigningConfigArn, zip: zip.bytes, functionName, subject });
  const { layers } = settings;
  await checkLayerSignatures(tools, namespace, { codeSigningConfigArn, layers, functionName, subject });
  const code = await take();
  checkUnzippedSize(code, layers, limits.codeSizeUnzippedBytes);
  await checkCodeStorage(tools, namespace, publish ? 2 * code.sizeBytes : code.sizeBytes, limits.totalCodeSizeBytes);
  return { ...code, ...checked };
}

async function checkCode(
  tools: DeployTools,
  namespace: Namespace,
  {
    codeSigningConfigArn,
    functionName,
    zip,
    subject,
  }: SignedCode & { readonly codeSigningConfigArn: string; readonly functionName: string },
): Promise<CheckedSignature> {
  const config = await readCodeSigningConfig(tools, namespace, codeSigningConfigArn);
  // A signature lies in the zip: one that is no zip is refused for that, not for its signature.
  await tools.packages.inspect(zip);
  const checked = await checkSignature(tools, namespace, config, { zip, subject });
  if (checked.warning !== undefined) warn(tools, namespace, functionName, checked.warning);
  return checked;
}

/**
 * Holds the layers that a function is about to have against its code signing configuration, as its own code is. Throws
 * as deployCode does for signatures.
 */
export async function checkLayerSignatures(
  tools: CheckTools & Pick<DeployTools, 'metadata' | 'packages' | 'note' | 'metrics'>,
  namespace: Namespace,
  {
    codeSigningConfigArn,
    layers = [],
    functionName,
    subject,
  }: {
    readonly codeSigningConfigArn: string | undefined;
    readonly layers: readonly LayerUse[] | undefined;
    readonly functionName: string;
    readonly subject: string;
  },
): Promise<void> {
  if (codeSigningConfigArn === undefined || layers.length === 0) return;
  const config = await readCodeSigningConfig(tools, namespace, codeSigningConfigArn);
  for (const { arn, code } of layers) {
    const zip = await tools.packages.read(code);
    const { warning } = await checkSignature(tools, namespace, config, { zip, subject });
    if (warning !== undefined) warn(tools, namespace, functionName, `${warning} (layer ${arn})`);
  }
}

function warn(
  { note, metrics }: Pick<DeployTools, 'note' | 'metrics'>,
  { account, region }: Namespace,
  functionName: string,
  warning: string,
): void {
  note(warning);
  metrics.of(account, region, functionName).signatureErrors++;
}
