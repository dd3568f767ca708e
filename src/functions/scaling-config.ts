/** The scaling of functions on capacity providers, which no function of lambdad is on. */
import { ApiError } from '../model/api-error.ts';
import type { MetadataStore } from '../store/metadata.ts';
import type { Namespace } from '../store/namespace.ts';
import { findVersion } from './resolve.ts';

/**
 * Refuses as AWS was seen to refuse PutFunctionScalingConfig: ResourceNotFoundException for a version that does not
 * exist, AccessDeniedException for one that is not on a capacity provider. That the other operation answers the same is
 * an assumption.
 */
export async function refuseScaling(
  metadata: MetadataStore,
  namespace: Namespace,
  functionName: string,
  qualifier: string,
): Promise<never> {
  await findVersion(metadata, namespace, functionName, qualifier);
  throw new ApiError(
    'AccessDeniedException',
    'The function provided by the arn does not contain a capacity provider configuration',
  );
}
