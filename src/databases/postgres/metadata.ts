import { type Clock, systemClock } from '../../base/clock.ts';
import { type Ids, randomIds } from '../../base/ids.ts';
import { canBePrefix, checkLimit, encodeChanges } from '../../store/check-request.ts';
import type { EventQueue } from '../../store/event-queue.ts';
import type { MetadataStore } from '../../store/metadata.ts';
import type { Binding } from './binding.ts';
import { postgresQueue } from './event-queue.ts';
import { Reader } from './reader.ts';
import { targetOf } from './target.ts';
import { Writer } from './writer.ts';

export interface PostgresSettings {
  /** `postgres://USER:PASSWORD@HOST:PORT/DATABASE?…`, a direct connection: the lock lives in its session. */
  readonly url: string;
  /** Called once, when another server has taken the database; every request is refused from then on. */
  readonly onTakenOver: (error: Error) => void;
  /** The data folder whose packages the records name. Left out: any. */
  readonly binding?: Binding;
  readonly clock?: Clock;
  readonly ids?: Ids;
}

/** The metadata store in a PostgreSQL database (12 or later). */
export interface PostgresMetadata extends MetadataStore {
  /** `database NAME at HOST:PORT`, for people. */
  readonly description: string;
  /** The event queue in the same database, to be closed before the store: it writes on the same connection. */
  readonly events: EventQueue;
}

/**
 * Opens the metadata store for this server alone, and brings its schema up to date. Rejects with StoreFull without room,
 * and with an Error in one line, without the password, when the database cannot be reached, refuses us, is in use by
 * another server, belongs to another data folder, or has a schema newer than this program's.
 *
 * A database that restarts costs a wait: reads are asked again, commits that were not sent yet are sent later; a commit
 * that was on its way when the connection broke rejects with an Error, and may have been made.
 *
 * A record that is deleted and created again begins again at revision 1.
 */
export async function openPostgresMetadata(settings: PostgresSettings): Promise<PostgresMetadata> {
  const { url, onTakenOver, binding, clock = systemClock, ids = randomIds } = settings;
  const target = targetOf(url);
  const server = ids.uuid();
  const writer = await Writer.open({
    target,
    clock,
    onTakenOver,
    name: `lambdad writer ${server}`,
    ...(binding ? { binding } : {}),
  });
  const reader = new Reader(target, clock, `lambdad reader ${server}`);
  return {
    description: target.description,
    events: postgresQueue(writer),
    async get(key) {
      writer.check();
      return await reader.get(key);
    },
    async list(page) {
      writer.check();
      checkLimit(page.limit);
      return canBePrefix(page.prefix ?? '') ? await reader.list(page) : [];
    },
    async scan(kind, after, limit) {
      writer.check();
      checkLimit(limit);
      return await reader.scan(kind, after, limit);
    },
    async commit(changes) {
      return await writer.commit(encodeChanges(changes));
    },
    async close() {
      await Promise.all([writer.close(), reader.close()]);
    },
  };
}
