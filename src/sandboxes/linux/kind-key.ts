import { createHash } from 'node:crypto';
import type { Prestart, SandboxSpec } from '../../environments/sandbox.ts';

/**
 * Variables of processes that wait are long, to make room for those of a function, and the same object for the same
 * runtime: looked through once, for a cold start waits for it.
 */
const digests = new WeakMap<Prestart['environment'], string>();

/** The same text for kinds whose waiting processes are alike. */
export function kindKey({
  tmpBytes,
  prestart,
  datagrams,
}: Pick<SandboxSpec, 'tmpBytes' | 'prestart' | 'datagrams'>): string {
  if (prestart === undefined) return '';
  const { environment, ...rest } = prestart;
  let digest = digests.get(environment);
  if (digest === undefined) {
    digest = createHash('sha256').update(JSON.stringify(environment)).digest('hex');
    digests.set(environment, digest);
  }
  return JSON.stringify([tmpBytes, digest, rest, datagrams !== undefined]);
}
