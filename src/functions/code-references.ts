import type { LayerVersionBody } from '../layers/layer-records.ts';
import { blobOf } from '../packages/code-packages.ts';
import { layeredName } from '../packages/layered-folder.ts';
import type { MetadataStore, RecordKey, RecordKind, StoredRecord } from '../store/metadata.ts';
import type { FunctionBody, VersionBody } from './records.ts';

const SCAN_PAGE_RECORDS = 500;

/**
 * Digests of the packages that functions, their versions and layer versions refer to, in every account and region, and
 * the names of the folders in which the layers of one function lie over each other. A layer version that was deleted is
 * referred to for as long as a function has it.
 */
export async function* codeReferences(metadata: MetadataStore): AsyncGenerator<string> {
  // Layer versions first: one that is taken into use and deleted meanwhile is seen here or there.
  for await (const { body } of scan(metadata, 'layer-version')) yield (body as LayerVersionBody).code.sha256;
  for await (const { body } of scan(metadata, 'function')) yield* referencesOf((body as FunctionBody).latest);
  for await (const { body } of scan(metadata, 'version')) yield* referencesOf(body as VersionBody);
}

function* referencesOf(version: VersionBody): Generator<string> {
  yield* contentOf(version);
  if (version.serving) yield* contentOf(version.serving);
}

function* contentOf({ code, settings }: Pick<VersionBody, 'code' | 'settings'>): Generator<string> {
  yield blobOf(code);
  const layers = (settings.layers ?? []).map((layer) => layer.code.sha256);
  yield* layers;
  if (layers.length > 1) yield layeredName(layers);
}

async function* scan(metadata: MetadataStore, kind: RecordKind): AsyncGenerator<StoredRecord> {
  for (let after: RecordKey | undefined; ; ) {
    const page = await metadata.scan(kind, after, SCAN_PAGE_RECORDS);
    yield* page;
    after = page.at(-1);
    if (after === undefined || page.length < SCAN_PAGE_RECORDS) return;
  }
}
