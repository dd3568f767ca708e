import { invalidParameter } from '../model/api-error.ts';
import type { FunctionCode } from '../model/types.gen.ts';

/**
 * The zip that a request carries. Throws InvalidParameterValueException for no source, for several, and for those that
 * lambdad cannot fetch yet.
 */
export function zipOf(code: FunctionCode, verb: 'creating' | 'updating'): Uint8Array {
  const { ZipFile, S3Bucket, S3Key, S3ObjectVersion, ImageUri } = code;
  if (ImageUri !== undefined)
    throw invalidParameter(`Please don't provide ImageUri when ${verb} a function with packageType Zip.`);
  const fromS3 = S3Bucket !== undefined || S3Key !== undefined || S3ObjectVersion !== undefined;
  if (ZipFile !== undefined) {
    if (fromS3) throw invalidParameter('Please do not provide other FunctionCode parameters when providing a ZipFile.');
    return ZipFile;
  }
  if (!fromS3) throw invalidParameter('Please provide a source for function code.');
  throw invalidParameter('lambdad does not fetch function code from S3 yet. Please provide the code as ZipFile.');
}
