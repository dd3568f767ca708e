import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates of a PEM file, in DER. Throws an Error of one line when it has none or one that is none. */
export async function readSigningRoots(path: string): Promise<readonly Uint8Array[]> {
  try {
    const texts = (await readFile(path, 'utf8')).match(CERTIFICATE) ?? [];
    if (texts.length === 0) throw new Error('it holds no certificate');
    return texts.map((text) => new X509Certificate(text).raw);
  } catch (error) {
    throw new Error(`--signing-roots: ${path} cannot be used: ${(error as Error).message}`);
  }
}
