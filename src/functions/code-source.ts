import { functionArn } from '../base/arn.ts';
import { invalidParameter } from '../model/api-error.ts';
import type { FunctionCode } from '../model/types.gen.ts';
import { orRefusal } from '../neighbours/refusals.ts';
import type { CodePackages, CodeRef } from '../packages/code-packages.ts';
import { type SourcedZip, type SourceTools, zipOfSource } from '../packages/code-source.ts';
import type { Namespace } from '../store/namespace.ts';

/**
 * The zip that a request carries, or that lies where it points. Throws InvalidParameterValueException for an image, and
 * what zipOfSource throws.
 */
export async function fetchZip(
  tools: SourceTools,
  namespace: Namespace,
  code: FunctionCode,
  verb: 'creating' | 'updating',
): Promise<SourcedZip> {
  if (code.ImageUri !== undefined)
    throw invalidParameter(`Please don't provide ImageUri when ${verb} a function with packageType Zip.`);
  return zipOfSource(tools, namespace, code, 'function');
}

/** Stores a function's zip, under its KMS key where it names one and KMS can be asked. Throws as the packages do. */
export async function storeCode(
  { packages }: { readonly packages: CodePackages },
  { account, region }: Namespace,
  functionName: string,
  { bytes }: SourcedZip,
  sourceKeyArn: string | undefined,
): Promise<CodeRef> {
  if (!sourceKeyArn) return packages.store(bytes);
  const context = { 'aws:lambda:FunctionArn': functionArn(region, account, functionName) };
  return orRefusal(packages.store(bytes, { namespace: { account, region }, keyArn: sourceKeyArn, context }));
}
