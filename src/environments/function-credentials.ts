/**
 * The credentials that a function finds in its environment: of lambdad's own making, from an STS, or the server's.
 */
import type { FunctionKeys, KeyOwner } from '../access/function-keys.ts';
import type { Clock } from '../base/clock.ts';
import type { RoleSessions } from '../neighbours/neighbours.ts';
import { orRefusal } from '../neighbours/refusals.ts';
import { RememberedSessions } from '../neighbours/remembered-sessions.ts';
import type { Credentials } from '../protocol/sign-request.ts';

export interface GivenCredentials {
  readonly credentials: Credentials;
  /** Epoch milliseconds; absent where nobody knows. */
  readonly expiresAtMs?: number;
  /** Is called once when the environment has ended. */
  readonly takeBack: () => void;
}

/** Gives an environment its credentials. Rejects with an ApiError for the caller of Invoke when there are none. */
export type CredentialSource = (owner: KeyOwner) => Promise<GivenCredentials>;

/** Credentials that lambdad makes up, and accepts for the function's role while the environment lives. */
export function localCredentials(keys: FunctionKeys): CredentialSource {
  return async (owner) => {
    const { credentials, expiresAtMs, revoke } = keys.issue(owner);
    return { credentials, expiresAtMs, takeBack: revoke };
  };
}

/**
 * The function's role, assumed through STS in a session named after the function, as AWS does; lambdad accepts these
 * credentials too, while an environment that has them lives.
 */
export function stsCredentials(sts: RoleSessions, keys: FunctionKeys, clock: Clock): CredentialSource {
  const sessions = new RememberedSessions(sts, clock);
  return async (owner) => {
    const { credentials, expiresAtMs } = await orRefusal(sessions.of(owner));
    return { credentials, expiresAtMs, takeBack: keys.accept(credentials, owner, expiresAtMs) };
  };
}

/** The server's own, for every function: whoever makes a function can do all that the server can. */
export function inheritedCredentials(credentials: Credentials): CredentialSource {
  return async () => ({ credentials, takeBack: () => undefined });
}

/** Left over for the end of an invoke and what the function does behind it. */
const END_GRACE_MS = 60_000;
const USABLE_MS_MIN = 1000;

/**
 * Epoch milliseconds until which an environment with such credentials takes invokes: one that begins in the last moment
 * still has them until its own timeout. Even when they end sooner it takes the invoke that it is made for. Undefined: for
 * ever.
 */
export function usableUntil(
  { expiresAtMs }: GivenCredentials,
  functionTimeoutMs: number,
  nowMs: number,
): number | undefined {
  if (expiresAtMs === undefined) return undefined;
  return Math.max(expiresAtMs - functionTimeoutMs - END_GRACE_MS, nowMs + USABLE_MS_MIN);
}
