import { ask, type Link, unreachable } from './link.ts';
import type { ObjectStore } from './neighbours.ts';
import { sdkClients } from './sdk-clients.ts';

/** S3. An object may take as long as it needs as long as it keeps coming. */
export function awsObjectStore(link: Link): ObjectStore {
  const clientOf = sdkClients(link, async () => {
    const { S3Client } = await import('@aws-sdk/client-s3');
    return (settings) =>
      new S3Client({
        ...settings,
        forcePathStyle: true,
        followRegionRedirects: false,
        disableS3ExpressSessionAuth: true,
        requestChecksumCalculation: 'WHEN_REQUIRED',
        responseChecksumValidation: 'WHEN_REQUIRED',
      });
  });
  return {
    async getObject(namespace, { bucket, key, version }, bytesMax) {
      const client = await clientOf(namespace);
      const { GetObjectCommand } = await import('@aws-sdk/client-s3');
      const command = new GetObjectCommand({
        Bucket: bucket,
        Key: key,
        ...(version === undefined ? {} : { VersionId: version }),
      });
      const get = (abortSignal: AbortSignal) => client.send(command, { abortSignal });
      const answer = await ask(link, 'GetObject', get, `${bucket}/${key}`);
      const body = answer.Body as Body | undefined;
      if (body === undefined) throw unreachable(link, 'GetObject', 'an answer without a body');
      const tooLarge = (answer.ContentLength ?? 0) > bytesMax;
      const bytes = tooLarge ? undefined : await readBody(link, body, bytesMax);
      if (bytes === undefined) {
        body.destroy();
        return undefined;
      }
      if (answer.ContentLength !== undefined && answer.ContentLength !== bytes.byteLength)
        throw unreachable(link, 'GetObject', `${bytes.byteLength} of ${answer.ContentLength} bytes came`);
      return { bytes, ...(answer.VersionId === undefined ? {} : { version: answer.VersionId }) };
    },
  };
}

type Body = AsyncIterable<Uint8Array> & { destroy(): void };

/** Undefined as soon as there are more than `bytesMax`. */
async function readBody(link: Link, body: Body, bytesMax: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const pieces = body[Symbol.asyncIterator]();
  for (;;) {
    const next = await ask(link, 'GetObject', () => pieces.next()).catch((error) => {
      body.destroy();
      throw error;
    });
    if (next.done) return Buffer.concat(chunks, length);
    length += next.value.byteLength;
    if (length > bytesMax) return undefined;
    chunks.push(next.value);
  }
}
