/** How callers name a layer or one of its versions, and how AWS writes them (lambda-facts 6.2, 13). */
import { refusalText } from '../access/evaluate.ts';
import { principalArn } from '../access/identity.ts';
import { lambdaArn } from '../base/arn.ts';
import { ApiError, invalidParameter, notFound } from '../model/api-error.ts';
import type { Namespace } from '../store/namespace.ts';

export interface LayerVersionReference {
  /** Where the ARN says that the layer is. */
  readonly namespace: Namespace;
  readonly name: string;
  readonly version: number;
}

const LAYER_ARN = /^arn:[a-zA-Z-]*:lambda:([a-z0-9-]+):(\d{12}):layer:([a-zA-Z0-9-_]+)(?::(\d+))?$/;

export function layerArn({ region, account }: Namespace, name: string): string {
  return lambdaArn(region, account, `layer:${name}`);
}

export function layerVersionArn({ region, account }: Namespace, name: string, version: number): string {
  return lambdaArn(region, account, `layer:${name}:${version}`);
}

/**
 * The name of a layer of the caller's own, from its name or ARN. Throws AccessDeniedException for another account's,
 * which the check of the caller's permissions lets through only in the owner's own namespace, and
 * ResourceNotFoundException for another region's.
 */
export function parseLayerName(namespace: Namespace, text: string, action: string): string {
  const match = LAYER_ARN.exec(text);
  if (!match) return text;
  const [, region = '', account = '', name = ''] = match;
  if (account !== namespace.account) throw layerRefused(namespace, action, layerArn({ region, account }, name));
  if (region !== namespace.region) throw layerNotFound();
  return name;
}

/**
 * What a layer version's ARN names; undefined for ARNs that no version of ours can have: those of AWS's own layers, of
 * another partition than the region's, and numbers with leading zeros.
 */
export function parseLayerVersionArn(arn: string): LayerVersionReference | undefined {
  const [, region = '', account = '', name = '', digits] = LAYER_ARN.exec(arn) ?? [];
  if (digits === undefined) return undefined;
  const reference = { namespace: { region, account }, name, version: Number(digits) };
  return layerVersionArn(reference.namespace, name, reference.version) === arn ? reference : undefined;
}

/** Throws InvalidParameterValueException for numbers below 1. */
export function checkLayerVersionNumber(version: number): void {
  if (version < 1) throw invalidParameter('Layer Version Cannot be less than 1');
}

export function layerNotFound(): ApiError {
  return notFound('The resource you requested does not exist.');
}

/**
 * AWS's words to an account that no policy of the layer lets in. Who may use whose layers is judged before operations
 * begin; what has no policy because it does not exist is refused like this as well.
 */
export function layerRefused({ account, region }: Namespace, action: string, resource: string): ApiError {
  const caller = principalArn({ account, accessKeyId: '' }, region);
  return new ApiError('AccessDeniedException', refusalText('resource-silent', caller, action, resource));
}
