import type { QueryConfig, QueryResultRow } from 'pg';
import type { Timer } from '../../base/clock.ts';
import { type Deferred, deferred } from '../../base/deferred.ts';
import { type EncodedChange, prefixEnd } from '../../store/check-request.ts';
import { type RecordKey, RevisionConflict, StoreFull } from '../../store/metadata.ts';
import { isRefusal, storeError } from './failure.ts';
import { pause } from './pause.ts';
import { openFirstSession, openNextSession, type Session, type SessionSettings, TakenOver } from './session.ts';

type Commit = readonly EncodedChange[];

interface Waiting {
  readonly commit: Commit;
  readonly characters: number;
  readonly answer: Deferred<readonly number[]>;
}

/** What lambdad.commit_all answers for one commit. */
type Outcome = { readonly revisions: readonly number[] } | { readonly conflict: number };

/** Commits without an answer; one more is refused. */
const WAITING_MAX = 10_000;

/** What goes into one transaction; the first commit always does. */
const COMMITS_PER_TRANSACTION_MAX = 256;
const CHARACTERS_PER_TRANSACTION_MAX = 8_388_608;

/** How long a commit waits for a database that cannot be reached before it is refused, undone. */
const PATIENCE_MS = 10_000;

/** Between two attempts to reach the database again. */
const RECONNECT_MS_MIN = 50;
const RECONNECT_MS_MAX = 2_000;

/** A connection that writes nothing is asked for a sign of life this often. */
const HEARTBEAT_MS = 5_000;

/** The database did not do a statement, and has said so: the next may fare better. */
export class StatementRefused extends Error {}

export interface WriterSettings extends SessionSettings {
  /** Called once, when another server has taken the database: from then on every commit is refused. */
  readonly onTakenOver: (error: Error) => void;
}

/**
 * The one writer. It takes all commits that wait and makes them together in one transaction, in the order in which they
 * came; so commits are serial by construction, and however many callers commit at once, each round costs one sync.
 *
 * When the connection is lost with commits on their way, these reject: nobody here knows what became of them. Those that
 * had not been sent yet wait for the next connection.
 */
export class Writer {
  readonly #settings: WriterSettings;
  readonly #waiting: Waiting[] = [];
  #session: Session | undefined;
  readonly #epoch: string;
  #connecting: Promise<void> | undefined;
  /** Why the database could not be reached at the last attempt. */
  #trouble = 'its connection was lost';
  #working: Promise<void> | undefined;
  #heartbeat: Timer | undefined;
  #takenOver: Error | undefined;
  #closed = false;
  /** Ends the waits between attempts: nobody may be left waiting for a database that stays away. */
  readonly #closing = deferred<void>();

  private constructor(settings: WriterSettings, first: Session) {
    this.#settings = settings;
    this.#epoch = first.epoch;
    this.#adopt(first);
    this.#scheduleHeartbeat();
  }

  /** Rejects with an Error in one line. */
  static async open(settings: WriterSettings): Promise<Writer> {
    try {
      return new Writer(settings, await openFirstSession(settings));
    } catch (error) {
      throw storeError(settings.target, error);
    }
  }

  /** Throws when another server has taken the database. */
  check(): void {
    if (this.#takenOver) throw this.#takenOver;
    if (this.#closed) throw new Error(`the metadata store in ${this.#settings.target.description} is closed`);
  }

  commit(commit: Commit): Promise<readonly number[]> {
    this.check();
    if (this.#waiting.length >= WAITING_MAX)
      throw new Error(`${this.#settings.target.description}: ${WAITING_MAX} commits are waiting`);
    const answer = deferred<readonly number[]>();
    const characters = commit.reduce((sum, change) => sum + (change.type === 'put' ? change.body.length : 0), 0);
    this.#waiting.push({ commit, characters, answer });
    this.#work();
    return answer.promise;
  }

  /**
   * Runs one statement in its turn on the session that holds the lock. Rejects with StoreFull or StatementRefused when it
   * was not done, otherwise with an Error, and it may have been done.
   */
  async run<Row extends QueryResultRow>(statement: QueryConfig): Promise<readonly Row[]> {
    this.check();
    const session = await this.#ready();
    if (session === undefined) throw this.#unreachable();
    try {
      return (await session.client.query<Row>(statement)).rows;
    } catch (error) {
      const told = storeError(this.#settings.target, error);
      if (await isRefusal(error, session.client))
        throw told instanceof StoreFull ? told : new StatementRefused(told.message, { cause: error });
      this.#lose(session, error);
      throw told;
    }
  }

  /** Takes no more commits, finishes those that wait (or refuses them, while the database is away), gives up the lock. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#closing.resolve();
    this.#heartbeat?.cancel();
    await this.#working;
    // An attempt to reach the database may still succeed, and would then hold the lock for nobody.
    await this.#connecting;
    const session = this.#session;
    this.#session = undefined;
    await session?.client.end().catch(() => {});
  }

  #work(): void {
    this.#working ??= this.#drain().finally(() => {
      this.#working = undefined;
      if (this.#waiting.length > 0) this.#work();
    });
  }

  async #drain(): Promise<void> {
    // What is asked in the same turn of the event loop goes together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const session = await this.#ready();
      if (session === undefined) this.#refuseAll();
      else await this.#make(session, this.#takeGroup());
    }
  }

  #takeGroup(): Waiting[] {
    let characters = 0;
    let count = 0;
    for (const { characters: more } of this.#waiting) {
      characters += more;
      if (count > 0 && (count === COMMITS_PER_TRANSACTION_MAX || characters > CHARACTERS_PER_TRANSACTION_MAX)) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  /** Makes a group; after a refusal that undid all of it, each commit once alone: one must not cost the others. */
  async #make(session: Session, group: readonly Waiting[]): Promise<void> {
    try {
      const outcomes = await this.#send(session, group);
      for (const [index, { commit, answer }] of group.entries()) settle(commit, outcomes[index] as Outcome, answer);
    } catch (error) {
      if (!(await isRefusal(error, session.client))) {
        this.#lose(session, error);
        const text = `${this.#settings.target.explain(error)}; whether the commit was made is unknown`;
        for (const { answer } of group) answer.reject(new Error(text, { cause: error }));
      } else if (group.length === 1) group[0]?.answer.reject(storeError(this.#settings.target, error));
      else for (const alone of group) await this.#makeAlone(alone);
    }
  }

  async #makeAlone(alone: Waiting): Promise<void> {
    const session = await this.#ready();
    if (session) await this.#make(session, [alone]);
    else alone.answer.reject(this.#unreachable());
  }

  async #send({ client }: Session, group: readonly Waiting[]): Promise<readonly Outcome[]> {
    const changes = JSON.stringify(group.map(({ commit }) => commit.map(onTheWire)));
    const { rows } = await client.query<{ outcomes: readonly Outcome[] }>({
      name: 'commit',
      text: 'SELECT lambdad.commit_all($1::json) AS outcomes',
      values: [changes],
    });
    return (rows[0] as { outcomes: readonly Outcome[] }).outcomes;
  }

  /** The session, or the next one where it is lost; undefined when there is none within the patience of a commit. */
  async #ready(): Promise<Session | undefined> {
    if (this.#session === undefined && this.#takenOver === undefined)
      await Promise.race([this.#connect(), pause(this.#settings.clock, PATIENCE_MS), this.#closing.promise]);
    return this.#session;
  }

  #unreachable(): Error {
    const { description } = this.#settings.target;
    return this.#takenOver ?? new Error(`${description} cannot be reached, nothing was committed: ${this.#trouble}`);
  }

  #refuseAll(): void {
    const error = this.#unreachable();
    for (const { answer } of this.#waiting.splice(0)) answer.reject(error);
  }

  #adopt(session: Session): void {
    this.#session = session;
    session.client.once('end', () => this.#lose(session, new Error('the connection ended')));
  }

  #lose(session: Session, error: unknown): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    this.#trouble = this.#settings.target.explain(error);
    // A connection that no longer answers is cut off, not asked to end.
    void session.client.end().catch(() => {});
    if (!this.#closed) void this.#connect();
  }

  #connect(): Promise<void> {
    this.#connecting ??= this.#reconnect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #reconnect(): Promise<void> {
    const { clock, target } = this.#settings;
    for (let waitMs = RECONNECT_MS_MIN; !this.#closed; waitMs = Math.min(2 * waitMs, RECONNECT_MS_MAX)) {
      try {
        this.#adopt(await openNextSession(this.#settings, this.#epoch));
        return;
      } catch (error) {
        this.#trouble = target.explain(error);
        if (error instanceof TakenOver) return this.#fence(new Error(this.#trouble));
      }
      await Promise.race([pause(clock, waitMs), this.#closing.promise]);
    }
  }

  #fence(error: Error): void {
    this.#takenOver = error;
    this.#settings.onTakenOver(error);
  }

  /** Between commits a lost connection, and with it the lost lock, would go unnoticed. */
  #scheduleHeartbeat(): void {
    this.#heartbeat = this.#settings.clock.after(HEARTBEAT_MS, async () => {
      const session = this.#session;
      if (session && !this.#working)
        await session.client.query('SELECT 1').catch((error) => this.#lose(session, error));
      if (!this.#closed && !this.#takenOver) this.#scheduleHeartbeat();
    });
  }
}

function settle(commit: Commit, outcome: Outcome, answer: Deferred<readonly number[]>): void {
  if ('revisions' in outcome) answer.resolve(outcome.revisions);
  else answer.reject(new RevisionConflict((commit[outcome.conflict] as { key: RecordKey }).key));
}

/** A change as lambdad.commit_all reads it: an `expect` that is absent means that any revision will do. */
function onTheWire(change: EncodedChange): object {
  const { key, ...rest } = change;
  return change.type === 'deletePrefix' ? { ...key, ...rest, end: prefixEnd(key.id) } : { ...key, ...rest };
}
