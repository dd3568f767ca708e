/** What every neighbour is asked through: its address, the caller's credentials, a bounded time, and its failures. */
import { type Endpoints, endpointVariable, type NeighbourName } from '../base/endpoints.ts';
import type { Credentials } from '../protocol/sign-request.ts';
import type { Namespace } from '../store/namespace.ts';
import { NeighbourRefusal, NeighbourUnreachable } from './neighbours.ts';
import type { RememberedSessions } from './remembered-sessions.ts';

export const CONNECT_MS_MAX = 2000;
/** One question and its answer, from asking on. What is sent piece by piece has this long for each piece. */
const ANSWER_MS_MAX = 10_000;

/** Far more than the description of sixteen subnets or of one role. */
export const ANSWER_BYTES_MAX = 1_048_576;
/** Of a service's error; longer texts are cut. */
const MESSAGE_CHARACTERS_MAX = 1_000;

export interface Link {
  readonly neighbour: NeighbourName;
  readonly endpoint: string;
  readonly credentials: (namespace: Namespace) => Credentials;
  /** Of functions that act in their roles; undefined: all act as the server. */
  readonly sessions?: RememberedSessions | undefined;
  readonly answerMsMax: number;
  /** Where answers may be larger than ANSWER_BYTES_MAX. */
  readonly answerBytesMax?: number;
}

export interface LinkOptions {
  readonly endpoints: Endpoints;
  /**
   * The server's own. Without, the namespace's account stands as the access key: doubles of AWS read the account from
   * it, and nothing secret goes to anyone.
   */
  readonly credentials?: Credentials | undefined;
  /** Where functions act in their roles. */
  readonly sessions?: RememberedSessions | undefined;
  /** Shorter in tests. */
  readonly answerMsMax?: number;
}

/** The link to a neighbour that has an address. */
export function linkTo(
  neighbour: NeighbourName,
  { endpoints, credentials, sessions, answerMsMax = ANSWER_MS_MAX }: LinkOptions,
): Link | undefined {
  const endpoint = endpoints[neighbour];
  if (endpoint === undefined) return undefined;
  const ofAccount = ({ account }: Namespace) => ({ accessKeyId: account, secretAccessKey: account });
  return { neighbour, endpoint, credentials: credentials ? () => credentials : ofAccount, sessions, answerMsMax };
}

/**
 * Asks, and gives up after the link's limit, aborting `signal`. `resource` is what is asked about. Rejects with NeighbourUnreachable for whatever is no
 * NeighbourRefusal.
 */
export async function ask<T>(
  link: Link,
  operation: string,
  asking: (signal: AbortSignal) => Promise<T>,
  resource?: string,
): Promise<T> {
  const abort = new AbortController();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(unreachable(link, operation, `no answer within ${link.answerMsMax / 1000} s`));
    abort.abort();
  }, link.answerMsMax);
  try {
    return await Promise.race([asking(abort.signal), late]);
  } catch (error) {
    throw translated(link, operation, resource, error);
  } finally {
    clearTimeout(timer);
  }
}

/** An error of one of the SDK's clients, as far as this looks at it. */
interface SdkError extends Error {
  readonly code?: string;
  /** What the service calls its error, where that differs from the name of the SDK's class. */
  readonly Code?: string;
  readonly $fault?: 'client' | 'server';
  readonly $metadata?: { readonly httpStatusCode?: number };
}

function translated(link: Link, operation: string, resource: string | undefined, error: unknown): Error {
  if (error instanceof NeighbourRefusal || error instanceof NeighbourUnreachable) return error;
  const { name, message, code, Code, $fault, $metadata } = error as SdkError;
  const status = $metadata?.httpStatusCode;
  if ($fault !== undefined && status !== undefined && !isGuess(name, message))
    return new NeighbourRefusal(link.neighbour, operation, cut(Code ?? name), cut(message), {
      resource,
      isFault: $fault === 'server',
    });
  const why =
    status === undefined ? cut(code ?? (message || name)) : `HTTP ${status}, and nothing that ${operation} answers`;
  return unreachable(link, operation, why);
}

/** What a service says goes to callers and into logs, as far as it is a text of reasonable length. */
export function cut(text: string): string {
  return String(text).slice(0, MESSAGE_CHARACTERS_MAX);
}

/** What the SDK makes of a status alone, when the body has no error in it. */
function isGuess(name: string, message: string): boolean {
  return /^(Unknown(Error)?|NotFound(Exception)?)$/.test(name) && /^Unknown(Error)?$/.test(message);
}

/** The message names the variable and the address: who reads it can mend it. */
export function unreachable(link: Link, operation: string, why: string): NeighbourUnreachable {
  const where = `${endpointVariable(link.neighbour)} (${link.endpoint})`;
  return new NeighbourUnreachable(`lambdad asked ${where} for ${operation} and got no usable answer: ${why}`);
}
