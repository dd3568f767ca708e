/** The function that a mapping invokes. */
import { parseReference } from '../functions/function-name.ts';
import type { VersionBody } from '../functions/records.ts';
import { findVersion } from '../functions/resolve.ts';
import { ApiError, invalidParameter } from '../model/api-error.ts';
import type { MetadataStore } from '../store/metadata.ts';
import type { Namespace } from '../store/namespace.ts';
import type { FunctionOfMapping } from './mapping-record.ts';
import type { SourceKind } from './source-kind.ts';
import { limitsFunctionTimeout, QUEUED_FUNCTION_TIMEOUT_S_MAX } from './source-traits.ts';

export interface MappedFunction {
  readonly reference: FunctionOfMapping;
  /** The version that the reference leads to at this moment. */
  readonly version: VersionBody;
}

/**
 * Name, ARN, version or alias. Throws InvalidParameterValueException when there is no such function, version or
 * alias, and what parseReference throws.
 */
export async function findMappedFunction(
  metadata: MetadataStore,
  namespace: Namespace,
  text: string,
): Promise<MappedFunction> {
  const reference = readReference(namespace, text);
  try {
    const { version } = await findVersion(metadata, namespace, reference.functionName, reference.qualifier);
    return { reference, version };
  } catch (error) {
    if (error instanceof ApiError && error.name === 'ResourceNotFoundException')
      throw invalidParameter('Function does not exist');
    throw error;
  }
}

/** Throws what parseReference throws. */
export function readReference(namespace: Namespace, text: string): FunctionOfMapping {
  const { name, qualifier } = parseReference(namespace, text);
  return qualifier === undefined ? { functionName: name } : { functionName: name, qualifier };
}

/** Throws InvalidParameterValueException for a function that runs longer than its source allows. AWS's text is not known. */
export function checkFunctionTimeout(kind: SourceKind, { settings }: VersionBody): void {
  if (!limitsFunctionTimeout(kind) || settings.timeoutS <= QUEUED_FUNCTION_TIMEOUT_S_MAX) return;
  throw invalidParameter(
    `Function timeout: ${settings.timeoutS} seconds is greater than the ${QUEUED_FUNCTION_TIMEOUT_S_MAX} seconds that the given event source mapping type allows`,
  );
}
