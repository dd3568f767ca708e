import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { MetadataStore } from '../store/metadata.ts';
import { type DataFolder, DataFolderError } from './disk/data-folder.ts';
import { openSqliteMetadata } from './sqlite/metadata.ts';

/** Name of the data folder's secret by which a database knows it again. */
const IDENTITY = 'database';

export interface ChosenMetadata {
  readonly metadata: MetadataStore;
  /** For people; undefined for the database inside the data folder. */
  readonly description: string | undefined;
}

/**
 * Opens the metadata store: PostgreSQL where a URL names one, SQLite in the data folder otherwise. Rejects in one line
 * also when the folder's records are in the other of the two: with no record of them its packages would be deleted.
 */
export async function openMetadata(
  url: string | undefined,
  folder: DataFolder,
  onTakenOver: (error: Error) => void,
): Promise<ChosenMetadata> {
  const { root, keys, database } = folder.paths;
  const file = join(keys, IDENTITY);
  const identity = async () =>
    createHash('sha256')
      .update(await folder.secret(IDENTITY))
      .digest('hex');
  if (url === undefined) {
    if (existsSync(file))
      throw new DataFolderError(`data folder ${root} keeps its records in PostgreSQL: --database is missing`);
    return { metadata: await openSqliteMetadata({ path: database }), description: undefined };
  }
  if (existsSync(database))
    throw new DataFolderError(`data folder ${root} keeps its records in ${database}: --database needs another --data`);
  const known = existsSync(file) ? await identity() : undefined;
  // Its client is loaded only where it is used: it costs every other server time and memory.
  const { openPostgresMetadata } = await import('./postgres/metadata.ts');
  const metadata = await openPostgresMetadata({ url, onTakenOver, binding: { known, make: identity } });
  return { metadata, description: metadata.description };
}
