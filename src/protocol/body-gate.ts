import { createHash, type Hash } from 'node:crypto';
import { ApiError } from '../model/api-error.ts';
import { ChunkDecoder } from './signed-chunks.ts';
import type { BodyRule } from './sigv4.ts';

/** What a body passes through on its way in: it is hashed, and unpacked from signed chunks, as it streams. */
export interface BodyGate {
  /** The payload is what is on the wire. */
  readonly isTransparent: boolean;
  /** The payload bytes that a piece of the wire holds. Throws ApiError as soon as something does not fit. */
  take(piece: Buffer): readonly Buffer[];
  /** Called after the last piece. Throws ApiError when the body is not the one that was signed. */
  finish(): void;
}

const openGate: BodyGate = { isTransparent: true, take: (piece) => [piece], finish: () => {} };

function hashing(verify: (sha256: string) => void): BodyGate {
  const hash: Hash = createHash('sha256');
  return {
    isTransparent: true,
    take(piece) {
      hash.update(piece);
      return [piece];
    },
    finish: () => verify(hash.digest('hex')),
  };
}

/** The gate for the body of a judged request. */
export function bodyGate(rule: BodyRule): BodyGate {
  switch (rule.kind) {
    case 'unchecked':
      return openGate;
    case 'declared':
      return hashing((sha256) => {
        if (sha256 !== rule.sha256)
          throw new ApiError(
            'InvalidSignatureException',
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
          );
      });
    case 'undeclared':
      return hashing(rule.verify);
    case 'chunked': {
      const decoder = new ChunkDecoder(rule.chain);
      return { isTransparent: false, take: (piece) => decoder.take(piece), finish: () => decoder.finish() };
    }
  }
}
