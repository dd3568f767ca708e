import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Ids } from '../base/ids.ts';
import type { EventQueue } from '../store/event-queue.ts';
import type { MetadataStore } from '../store/metadata.ts';
import { type DataFolder, DataFolderError } from './disk/data-folder.ts';
import { openEventPayloads } from './disk/event-payloads.ts';
import { sealedQueue } from './sealed-queue.ts';
import { openSqliteQueue } from './sqlite/event-queue.ts';
import { openSqliteMetadata } from './sqlite/metadata.ts';

/** Name of the data folder's secret by which a database knows it again. */
const IDENTITY = 'database';

export interface ChosenStores {
  readonly metadata: MetadataStore;
  readonly events: EventQueue;
  /** For people; undefined for the database inside the data folder. */
  readonly description: string | undefined;
}

/**
 * Opens the metadata store and the event queue, whose payloads are sealed with the data folder's key: PostgreSQL where a
 * URL names one, SQLite in the data folder otherwise. Rejects in one line also when the folder's records are in the other of the two: with no record of them its packages would be deleted.
 */
export async function openStores(
  url: string | undefined,
  folder: DataFolder,
  ids: Ids,
  onTakenOver: (error: Error) => void,
  note: (line: string) => void,
): Promise<ChosenStores> {
  const dataKey = await folder.secret('data-key');
  const { root, keys, database } = folder.paths;
  const file = join(keys, IDENTITY);
  const identity = async () =>
    createHash('sha256')
      .update(await folder.secret(IDENTITY))
      .digest('hex');
  if (url === undefined) {
    if (existsSync(file))
      throw new DataFolderError(`data folder ${root} keeps its records in PostgreSQL: --database is missing`);
    return await openSqlite(folder, ids, dataKey, note);
  }
  if (existsSync(database))
    throw new DataFolderError(`data folder ${root} keeps its records in ${database}: --database needs another --data`);
  const known = existsSync(file) ? await identity() : undefined;
  // Its client is loaded only where it is used: it costs every other server time and memory.
  const { openPostgresMetadata } = await import('./postgres/metadata.ts');
  const metadata = await openPostgresMetadata({ url, onTakenOver, binding: { known, make: identity } });
  return { metadata, events: sealedQueue(metadata.events, dataKey), description: metadata.description };
}

async function openSqlite(
  { paths }: DataFolder,
  ids: Ids,
  dataKey: Uint8Array,
  note: (line: string) => void,
): Promise<ChosenStores> {
  const openingMetadata = openSqliteMetadata({ path: paths.database });
  const openingEvents = openEventPayloads(paths.events, ids).then((payloads) =>
    openSqliteQueue({ path: paths.eventDatabase, payloads, note }),
  );
  const [metadata, events] = await Promise.allSettled([openingMetadata, openingEvents]);
  if (metadata.status === 'fulfilled' && events.status === 'fulfilled')
    return { metadata: metadata.value, events: sealedQueue(events.value, dataKey), description: undefined };
  for (const opened of [metadata, events]) if (opened.status === 'fulfilled') await opened.value.close();
  throw metadata.status === 'rejected' ? metadata.reason : (events as PromiseRejectedResult).reason;
}
