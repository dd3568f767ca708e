import type { LayerVersionBody } from '../layers/layer-records.ts';
import type { MetadataStore } from '../store/metadata.ts';
import { type Namespace, walkRecords } from '../store/namespace.ts';
import { walk } from './keys.ts';

/** What the functions and layers of one account and region use up (lambda-facts 5.4). */
export interface AccountUsage {
  readonly functions: number;
  /** Zipped bytes of `$LATEST`, every published version and every layer version. */
  readonly codeBytes: number;
}

/** Adds up every function, version and layer version. */
export async function accountUsage(metadata: MetadataStore, namespace: Namespace): Promise<AccountUsage> {
  let functions = 0;
  let codeBytes = 0;
  for await (const { body } of walk(metadata, namespace, 'function')) {
    functions += 1;
    codeBytes += body.latest.code.sizeBytes;
  }
  for await (const { body } of walk(metadata, namespace, 'version')) codeBytes += body.code.sizeBytes;
  for await (const { body } of walkRecords<LayerVersionBody>(metadata, namespace, 'layer-version'))
    codeBytes += body.code.sizeBytes;
  return { functions, codeBytes };
}
