import { ask, type Link, unreachable } from './link.ts';
import type { BucketRecipient, ObjectStore } from './neighbours.ts';
import { sdkClients } from './sdk-clients.ts';

/** An object may take so long altogether as long as it keeps coming: far more than 250 MB need. */
const OBJECT_MS_MAX = 10 * 60_000;
/** Of all objects in hand, for whomever: one more piece is refused. */
const HELD_BYTES_MAX = 1_073_741_824;

/** Bytes of objects that have come and are not released yet. */
interface Held {
  bytes: number;
}

/** S3. */
export function awsObjectStore(link: Link): ObjectStore & BucketRecipient {
  const held: Held = { bytes: 0 };
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
      const bytes = tooLarge ? undefined : await readBody(link, body, bytesMax, held);
      if (bytes === undefined) {
        body.destroy();
        return undefined;
      }
      let release = () => {
        held.bytes -= bytes.byteLength;
        release = () => {};
      };
      if (answer.ContentLength !== undefined && answer.ContentLength !== bytes.byteLength) {
        release();
        throw unreachable(link, 'GetObject', `${bytes.byteLength} of ${answer.ContentLength} bytes came`);
      }
      const { VersionId } = answer;
      return { bytes, ...(VersionId === undefined ? {} : { version: VersionId }), release: () => release() };
    },
    async putObject(asker, { bucket, key }, bytes) {
      const client = await clientOf(asker);
      const { PutObjectCommand } = await import('@aws-sdk/client-s3');
      const command = new PutObjectCommand({
        Bucket: bucket,
        Key: key,
        Body: bytes,
        ContentLength: bytes.byteLength,
        ContentType: 'application/json',
      });
      await ask(link, 'PutObject', (abortSignal) => client.send(command, { abortSignal }), `${bucket}/${key}`);
    },
  };
}

type Body = AsyncIterable<Uint8Array> & { destroy(): void };

/** Undefined as soon as there are more than `bytesMax`. What it resolves with is held until it is released. */
async function readBody(link: Link, body: Body, bytesMax: number, held: Held): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  let isWhole = false;
  const until = performance.now() + OBJECT_MS_MAX;
  const pieces = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await ask(link, 'GetObject', () => pieces.next());
      if (next.done) {
        isWhole = true;
        return Buffer.concat(chunks, length);
      }
      length += next.value.byteLength;
      held.bytes += next.value.byteLength;
      if (length > bytesMax) return undefined;
      if (held.bytes > HELD_BYTES_MAX) throw unreachable(link, 'GetObject', 'too many objects are in hand at once');
      if (performance.now() > until)
        throw unreachable(link, 'GetObject', `not all of it came within ${OBJECT_MS_MAX / 1000} s`);
      chunks.push(next.value);
    }
  } catch (error) {
    body.destroy();
    throw error;
  } finally {
    if (!isWhole) held.bytes -= length;
  }
}
