import type { Clock } from '../base/clock.ts';
import { LruMap } from '../base/lru.ts';
import type { Namespace } from '../store/namespace.ts';
import type { RoleSessions } from './neighbours.ts';

/** Sessions of roles that are remembered; beyond it STS is asked again. */
const SESSIONS_MAX = 1000;
/** A session is handed out until this share of its time is over, so that nobody's ends in a moment. */
const GIVEN_SHARE = 0.5;

/** Who acts in a role: a function. */
export interface RoleBearer extends Namespace {
  readonly functionName: string;
  readonly roleArn: string;
}

export type Session = Awaited<ReturnType<RoleSessions['assumeRole']>>;

/**
 * Sessions of the roles of functions, each named after its function as on AWS, and assumed once for all who ask while it
 * is young. Rejects as STS does; that is not remembered.
 */
export class RememberedSessions {
  readonly #sts: RoleSessions;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #sessions = new LruMap<string, { readonly session: Promise<Session>; givenUntilMs: number }>(SESSIONS_MAX);

  constructor(sts: RoleSessions, clock: Pick<Clock, 'now'>) {
    this.#sts = sts;
    this.#clock = clock;
  }

  async of({ account, region, functionName, roleArn }: RoleBearer): Promise<Session> {
    const name = [account, region, functionName, roleArn].join('\n');
    const known = this.#sessions.get(name);
    if (known !== undefined && this.#clock.now() < known.givenUntilMs) return known.session;
    const session = this.#sts.assumeRole({ account, region }, roleArn, functionName);
    // Who asks while STS is being asked gets the same answer.
    const entry = { session, givenUntilMs: Number.POSITIVE_INFINITY };
    this.#sessions.set(name, entry);
    try {
      const { expiresAtMs } = await session;
      entry.givenUntilMs = this.#clock.now() + (expiresAtMs - this.#clock.now()) * GIVEN_SHARE;
    } catch (error) {
      if (this.#sessions.get(name) === entry) this.#sessions.delete(name);
      throw error;
    }
    return session;
  }
}
