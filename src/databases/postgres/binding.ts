import type { Client } from 'pg';

/**
 * Records and packages belong together: a database with the packages of another data folder would have functions
 * without code, and the collector of that folder would find packages that nobody names and delete them.
 */
export interface Binding {
  /** Identity of the data folder; undefined when its records have never been in a database. */
  readonly known: string | undefined;
  /** Gives the data folder an identity, on disk and synced. */
  readonly make: () => Promise<string>;
}

/** Binds the database to the data folder when both are new; throws when either belongs to another. */
export async function bind(client: Client, { known, make }: Binding): Promise<void> {
  const { rows } = await client.query<{ owner: string | null }>('SELECT owner FROM lambdad.server');
  const owner = rows[0]?.owner ?? undefined;
  if (owner === known && owner !== undefined) return;
  if (owner !== undefined) throw new Error('its records belong to another data folder');
  if (known !== undefined) throw new Error('it is new, and the data folder keeps its records in another database');
  await client.query('UPDATE lambdad.server SET owner = $1', [await make()]);
}
