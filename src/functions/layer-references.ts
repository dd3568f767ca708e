/** The layer versions that a function asks for (lambda-facts 6.3.14, 6.3.18, 6.6). */
import { type LayerVersionReference, layerRefused, parseLayerVersionArn } from '../layers/layer-name.ts';
import { type LayerUse, readLayerVersion } from '../layers/layer-records.ts';
import { type ApiError, invalidParameter } from '../model/api-error.ts';
import type { CodeRef } from '../packages/code-packages.ts';
import type { MetadataStore } from '../store/metadata.ts';
import type { Namespace } from '../store/namespace.ts';

/** Layers of one function (lambda-facts 6.3.18). */
const LAYERS_MAX = 5;

/** What a function's account must be allowed to do with the layers of others. */
const GET_LAYER_VERSION = 'lambda:GetLayerVersion';

interface Asked {
  readonly arn: string;
  /** Undefined for what cannot be the ARN of a layer version here. */
  readonly reference: LayerVersionReference | undefined;
}

/**
 * Finds the layer versions in the order given. `previous` are those that the function has: they stay its own, also when
 * they were deleted. That the caller may use the layers of other accounts was judged before. Throws
 * InvalidParameterValueException, and AccessDeniedException for a version of another account that does not exist.
 */
export async function resolveLayers(
  { metadata }: { readonly metadata: MetadataStore },
  namespace: Namespace,
  arns: readonly string[],
  previous: readonly LayerUse[] = [],
): Promise<readonly LayerUse[]> {
  if (arns.length > LAYERS_MAX) throw invalidParameter(`Cannot reference more than ${LAYERS_MAX} layers.`);
  const asked = arns.map((arn): Asked => ({ arn, reference: parseLayerVersionArn(arn) }));
  checkRegions(namespace, asked);
  checkOnceEach(arns);
  const uses: LayerUse[] = [];
  for (const one of asked)
    uses.push(previous.find(({ arn }) => arn === one.arn) ?? (await findUse(metadata, namespace, one)));
  return uses;
}

/**
 * Throws InvalidParameterValueException when layers, or code and layers together, unpack to more than `bytesMax`. Packages
 * whose size no record tells, because they are older than layers here, count nothing.
 */
export function checkUnzippedSize(
  code: Pick<CodeRef, 'unzippedBytes'>,
  layers: readonly LayerUse[] | undefined,
  bytesMax: number,
): void {
  const layerBytes = (layers ?? []).reduce((sum, layer) => sum + (layer.code.unzippedBytes ?? 0), 0);
  if (layerBytes > bytesMax) throw invalidParameter(`Layers consume more than the available size of ${bytesMax} bytes`);
  const bytes = layerBytes + (code.unzippedBytes ?? 0);
  if (bytes > bytesMax)
    throw invalidParameter(
      `Function code combined with layers exceeds the maximum allowed size of ${bytesMax} bytes. The actual size is ${bytes} bytes.`,
    );
}

/** A layer of another account in another region is refused as one that is not shared, which AWS was seen to do. */
function checkRegions(namespace: Namespace, asked: readonly Asked[]): void {
  for (const { arn, reference } of asked) {
    if (!reference || reference.namespace.region === namespace.region) continue;
    if (isForeign(namespace, reference)) throw layerRefused(namespace, GET_LAYER_VERSION, arn);
    throw invalidParameter(
      `Layers are not in the same region as the function. Layers are expected to be in region ${namespace.region}.`,
    );
  }
}

/** The same version twice counts as two. */
function checkOnceEach(arns: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const arn of arns) {
    const layer = arn.slice(0, arn.lastIndexOf(':'));
    const other = seen.get(layer);
    if (other !== undefined)
      throw invalidParameter(
        `Two different versions of the same layer are not allowed to be referenced in the same function. ${other} and ${arn} are versions of the same layer.`,
      );
    seen.set(layer, arn);
  }
}

async function findUse(metadata: MetadataStore, namespace: Namespace, { arn, reference }: Asked): Promise<LayerUse> {
  if (!reference) throw layerMissing(arn);
  const read = await readLayerVersion(metadata, reference.namespace, reference.name, reference.version);
  if (!read)
    throw isForeign(namespace, reference) ? layerRefused(namespace, GET_LAYER_VERSION, arn) : layerMissing(arn);
  return { arn, code: read.body.code };
}

function layerMissing(arn: string): ApiError {
  return invalidParameter(`Layer version ${arn} does not exist.`);
}

function isForeign({ account }: Namespace, { namespace }: LayerVersionReference): boolean {
  return namespace.account !== account;
}
