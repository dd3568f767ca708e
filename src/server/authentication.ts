/** Who sent a request: by its signature, or by its word. */
import type { Identity, Principal } from '../access/identity.ts';
import {
  believeHead,
  type Caller,
  type FindAccount,
  judgeHead,
  type RequestHead,
  type Secret,
} from '../protocol/sigv4.ts';

/** How callers are known: by their signature, or (on a loopback address only) by their word. */
export type Authentication =
  | {
      readonly mode: 'open';
      /** The account of a key that a function was given. */
      readonly findAccount?: FindAccount;
    }
  | {
      readonly mode: 'sigv4';
      readonly findSecret: (accessKeyId: string) => Secret | undefined;
      /** Who owns a key, where that is not just the root of the key's account. */
      readonly findIdentity?: (accessKeyId: string) => Identity | undefined;
    };

/** Throws the errors of `believeHead` or `judgeHead`. */
export function authenticate(
  authentication: Authentication,
  head: RequestHead,
  services: readonly string[],
  nowMs: number,
): Caller {
  if (authentication.mode === 'open') return believeHead(head, services, authentication.findAccount);
  return judgeHead(head, { nowMs, findSecret: authentication.findSecret, services });
}

/** Under `open` every key is that of its account's root. */
export function principalOf(authentication: Authentication, { accessKeyId, account }: Caller): Principal {
  const identity = authentication.mode === 'sigv4' ? authentication.findIdentity?.(accessKeyId) : undefined;
  return identity === undefined ? { accessKeyId, account } : { accessKeyId, account, identity };
}
