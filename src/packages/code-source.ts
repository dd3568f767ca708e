/** Where a request says that its zip is: in the request itself, or in S3 (lambda-facts 6.3.14, 6.3.16). */
import { ApiError, invalidParameter } from '../model/api-error.ts';
import type { LayerVersionContentInput, ResolvedS3Object } from '../model/types.gen.ts';
import type { Neighbours } from '../neighbours/neighbours.ts';
import { orRefusal } from '../neighbours/refusals.ts';
import type { Namespace } from '../store/namespace.ts';

/** The members that functions and layers have in common. */
export type CodeSource = LayerVersionContentInput;

export interface SourceTools {
  readonly neighbours: Neighbours;
  readonly limits: { readonly codeSizeZippedBytes: number; readonly codeSizeUnzippedBytes: number };
}

/** To be disposed of when its bytes are stored. */
export interface SourcedZip extends Disposable {
  readonly bytes: Uint8Array;
  /** The object that the zip was read from, only with S3ObjectStorageMode REFERENCE, whose answers show it. */
  readonly resolved?: ResolvedS3Object;
}

/** AWS's words for a function's source; those for a layer's were not recorded and are made like them. */
const WORDS = {
  function: { shape: 'FunctionCode', noun: 'function code' },
  layer: { shape: 'LayerVersionContentInput', noun: 'layer content' },
} as const;

/**
 * The zip, not yet looked into. Throws RequestEntityTooLargeException for one that is too large to be sent along,
 * InvalidParameterValueException for no source, for several, and where there is no S3 to ask, and what orRefusal makes
 * of S3's refusals.
 */
export async function zipOfSource(
  { neighbours, limits }: SourceTools,
  namespace: Namespace,
  source: CodeSource,
  what: keyof typeof WORDS,
): Promise<SourcedZip> {
  const { ZipFile, S3Bucket, S3Key, S3ObjectVersion, S3ObjectStorageMode } = source;
  const { shape, noun } = WORDS[what];
  const fromS3 = S3Bucket !== undefined || S3Key !== undefined || S3ObjectVersion !== undefined;
  if (ZipFile !== undefined) {
    if (fromS3) throw invalidParameter(`Please do not provide other ${shape} parameters when providing a ZipFile.`);
    if (ZipFile.byteLength > limits.codeSizeZippedBytes)
      throw new ApiError(
        'RequestEntityTooLargeException',
        `Zipped size must be smaller than ${limits.codeSizeZippedBytes} bytes`,
      );
    return { bytes: ZipFile, [Symbol.dispose]: () => {} };
  }
  if (S3Bucket === undefined || S3Key === undefined) throw invalidParameter(`Please provide a source for ${noun}.`);
  if (neighbours.s3 === undefined)
    throw invalidParameter(
      `lambdad has no S3 endpoint to fetch ${noun} from. Please set AWS_ENDPOINT_URL_S3 where lambdad starts, or provide a ZipFile.`,
    );
  const object = { bucket: S3Bucket, key: S3Key, ...(S3ObjectVersion ? { version: S3ObjectVersion } : {}) };
  // Only its unpacked size limits a zip in S3, and no zip that is larger than that can be unpacked to less.
  const unzippedBytesMax = limits.codeSizeUnzippedBytes;
  const read = await orRefusal(neighbours.s3.getObject(namespace, object, unzippedBytesMax));
  if (read === undefined) throw invalidParameter(`Unzipped size must be smaller than ${unzippedBytesMax} bytes`);
  const version = read.version ?? S3ObjectVersion;
  const resolved: ResolvedS3Object = { S3Bucket, S3Key, ...(version ? { S3ObjectVersion: version } : {}) };
  return {
    bytes: read.bytes,
    ...(S3ObjectStorageMode === 'REFERENCE' ? { resolved } : {}),
    [Symbol.dispose]: () => read.release(),
  };
}
