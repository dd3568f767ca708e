import type { DatabaseSync } from 'node:sqlite';

/**
 * The schema of the records, as the list of steps that led to it. PRAGMA user_version counts the steps a database has taken. A step
 * that was ever released is never edited: a change of the schema is a new step at the end.
 *
 * The key leads with the kind, so that one index serves both a listing (kind, account, region fixed) and a scan of a
 * kind through all accounts and regions. Text compares by its UTF-8 bytes (BINARY, SQLite's default).
 */
export const recordSteps: readonly string[] = [
  `CREATE TABLE record (
     kind TEXT NOT NULL,
     account TEXT NOT NULL,
     region TEXT NOT NULL,
     id TEXT NOT NULL,
     revision INTEGER NOT NULL,
     body TEXT NOT NULL,
     PRIMARY KEY (kind, account, region, id)
   ) WITHOUT ROWID`,
];

/** Brings the database to the newest schema, all steps in one transaction. Throws when it is newer than we know. */
export function migrate(database: DatabaseSync, schemaSteps: readonly string[]): void {
  const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
  if (version > schemaSteps.length)
    throw new Error(`its schema is version ${version}, newer than the ${schemaSteps.length} that this lambdad knows`);
  if (version === schemaSteps.length) return;
  database.exec('BEGIN IMMEDIATE');
  for (const step of schemaSteps.slice(version)) database.exec(step);
  database.exec(`PRAGMA user_version = ${schemaSteps.length}`);
  database.exec('COMMIT');
}
