/**
 * The access keys of functions that run: lambdad gives one to each execution environment and accepts it, as the
 * function's role in a session named after the function, for as long as that environment lives.
 *
 * They are kept in a table and not derived from a secret, because they have to end with their environment: what could be
 * verified without a table would need one of what is revoked. It holds one entry for each living environment, is never
 * written anywhere, and so ends with the server.
 */
import { functionArn } from '../base/arn.ts';
import type { Clock } from '../base/clock.ts';
import type { Ids } from '../base/ids.ts';
import type { Credentials } from '../protocol/sign-request.ts';
import { type Secret, unknownToken } from '../protocol/sigv4.ts';
import { randomAccessKey } from './access-key.ts';
import type { Identity } from './identity.ts';

/** As AWS gives them to Lambda. */
export const FUNCTION_KEY_MS = 12 * 3_600_000;
/** Far more environments than a machine has room for. */
const KEYS_MAX = 100_000;
/** Every session token of lambdad's own begins with it, so that one that has ended is known for what it was. */
const TOKEN_MARK = Buffer.from('lambdad-function-session');
const TOKEN_BEGIN = TOKEN_MARK.toString('base64');
const TOKEN_BYTES = 96;

/** Whose key it is. */
export interface KeyOwner {
  readonly account: string;
  readonly region: string;
  readonly functionName: string;
  readonly roleArn: string;
}

export interface FunctionCredentials extends Credentials {
  readonly sessionToken: string;
}

interface Entry extends Secret {
  readonly identity: Identity;
  /** Environments that have it: of a role's session at an STS there may be several. */
  uses: number;
}

export interface FunctionKeysOptions {
  readonly clock: Clock;
  readonly ids: Ids;
  /** What the credentials file says of a role. */
  readonly findRole: (account: string, name: string) => Identity | undefined;
}

export class FunctionKeys {
  readonly #options: FunctionKeysOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: FunctionKeysOptions) {
    this.#options = options;
  }

  /** New temporary credentials, accepted until `expiresAtMs` (epoch) or `revoke`. */
  issue(owner: KeyOwner): {
    readonly credentials: FunctionCredentials;
    readonly expiresAtMs: number;
    readonly revoke: () => void;
  } {
    const { ids, clock } = this.#options;
    const token = Buffer.concat([TOKEN_MARK, Buffer.from(ids.hex(2 * TOKEN_BYTES), 'hex')]);
    const credentials = { ...randomAccessKey(ids, 'ASIA'), sessionToken: token.toString('base64') };
    const expiresAtMs = clock.now() + FUNCTION_KEY_MS;
    return { credentials, expiresAtMs, revoke: this.accept(credentials, owner, expiresAtMs) };
  }

  /** Accepts credentials that somebody else issued for the function's role, until the answer is called. */
  accept(credentials: FunctionCredentials, owner: KeyOwner, expiresAtMs: number): () => void {
    const { accessKeyId, secretAccessKey, sessionToken } = credentials;
    const known = this.#entries.get(accessKeyId);
    if (known === undefined && this.#entries.size >= KEYS_MAX)
      throw new Error(`more than ${KEYS_MAX} execution environments have credentials`);
    const { account } = owner;
    const entry: Entry = known ?? {
      secretAccessKey,
      sessionToken,
      account,
      expiresAtMs,
      identity: this.#identityOf(owner),
      uses: 0,
    };
    entry.uses++;
    this.#entries.set(accessKeyId, entry);
    let isHeld = true;
    return () => {
      if (isHeld && --entry.uses === 0) this.#entries.delete(accessKeyId);
      isHeld = false;
    };
  }

  findSecret(accessKeyId: string): Secret | undefined {
    return this.#entries.get(accessKeyId);
  }

  findIdentity(accessKeyId: string): Identity | undefined {
    return this.#entries.get(accessKeyId)?.identity;
  }

  /**
   * The account of a function's key, where nothing else of a request is looked at; undefined for every other key.
   *
   * @throws ApiError UnrecognizedClientException for a key whose environment has ended: it must not pass for the key of
   *   whatever account unknown keys stand for
   */
  findAccount(accessKeyId: string, sessionToken: string | undefined): string | undefined {
    const entry = this.#entries.get(accessKeyId);
    if (entry === undefined && sessionToken?.startsWith(TOKEN_BEGIN)) throw unknownToken();
    return entry?.account;
  }

  /**
   * The role as the credentials file knows it; one that it does not know may do nothing but what policies of resources
   * allow it, as on AWS. A role of another account than the function's lends nothing: who makes a function could name
   * any.
   */
  #identityOf({ account, region, functionName, roleArn }: KeyOwner): Identity {
    const [, roleAccount, name = roleArn] = /^arn:[^:]*:iam::(\d{12}):role\/(.+)$/.exec(roleArn) ?? [];
    const role = roleAccount === account ? this.#options.findRole(account, name) : undefined;
    return {
      ...(role ?? { tags: {}, policies: [] }),
      kind: 'role',
      name,
      session: functionName,
      sourceFunctionArn: functionArn(region, account, functionName),
    };
  }
}
