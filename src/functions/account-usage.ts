import type { MetadataStore } from '../store/metadata.ts';
import { type Namespace, walk } from './keys.ts';

/** What the functions of one account and region use up (lambda-facts 5.4, 9.1). */
export interface AccountUsage {
  readonly functions: number;
  /** Zipped bytes of `$LATEST` and every published version. */
  readonly codeBytes: number;
  readonly reservedConcurrency: number;
}

/** Adds up every function and version; `except` leaves one function's reservation out. */
export async function accountUsage(
  metadata: MetadataStore,
  namespace: Namespace,
  except?: string,
): Promise<AccountUsage> {
  let functions = 0;
  let codeBytes = 0;
  let reservedConcurrency = 0;
  for await (const { body } of walk(metadata, namespace, 'function')) {
    functions += 1;
    codeBytes += body.latest.code.sizeBytes;
    if (body.name !== except) reservedConcurrency += body.reservedConcurrency ?? 0;
  }
  for await (const { body } of walk(metadata, namespace, 'version')) codeBytes += body.code.sizeBytes;
  return { functions, codeBytes, reservedConcurrency };
}
