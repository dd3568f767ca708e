import type { Client } from 'pg';

/**
 * The schema, as the list of steps that led to it, in a namespace of its own so that the database may be shared with
 * others. `lambdad.server.schema_version` counts the steps a database has taken. A step that was ever released is never
 * edited: a change of the schema is a new step at the end. Whoever runs them holds the server's lock.
 *
 * Text compares by its bytes (COLLATE "C"), and bodies are text: jsonb would sort the members of objects.
 */
export const schemaSteps: readonly string[] = [
  `CREATE TABLE lambdad.record (
     kind text COLLATE "C" NOT NULL,
     account text COLLATE "C" NOT NULL,
     region text COLLATE "C" NOT NULL,
     id text COLLATE "C" NOT NULL,
     revision bigint NOT NULL,
     body text NOT NULL,
     PRIMARY KEY (kind, account, region, id)
   );
   CREATE TABLE lambdad.server (
     one boolean PRIMARY KEY DEFAULT true CHECK (one),
     schema_version integer NOT NULL,
     epoch bigint NOT NULL,
     owner text
   );
   INSERT INTO lambdad.server (schema_version, epoch) VALUES (0, 0)`,
  // Payloads lie outside of their rows by themselves where they are large; JSON is not worth squeezing on the way.
  `CREATE TABLE lambdad.item (
     id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     lane text COLLATE "C" NOT NULL,
     account text COLLATE "C" NOT NULL,
     region text COLLATE "C" NOT NULL,
     function_name text COLLATE "C" NOT NULL,
     born_ms bigint NOT NULL,
     due_ms bigint NOT NULL,
     detail text NOT NULL,
     payload bytea NOT NULL
   );
   ALTER TABLE lambdad.item ALTER COLUMN payload SET STORAGE EXTERNAL;
   CREATE INDEX item_due ON lambdad.item (lane, account, region, function_name, due_ms, id)`,
];

/** SQLSTATE by which commit_all takes back one commit. */
const CONFLICT = 'LD001';

/**
 * Makes commits one after the other in one transaction, and so with one sync and one way to the database and back. Each
 * stands in a block of its own: one whose expectation does not hold takes back its own changes and no other's.
 *
 * `commits` is a list of lists of changes; the answer has for each commit its `revisions`, or in `conflict` the place of
 * the change that met another revision. Not a step of the schema: each server brings its own, which replaces the last.
 */
const COMMIT_ALL = `
CREATE OR REPLACE FUNCTION lambdad.commit_all(commits json) RETURNS json LANGUAGE plpgsql AS $function$
DECLARE
  outcomes json[] := '{}';
  changes json;
  change json;
  revisions bigint[];
  place integer;
  expected bigint;
  held bigint;
BEGIN
  FOR changes IN SELECT value FROM json_array_elements(commits) LOOP
    revisions := '{}';
    place := 0;
    BEGIN
      FOR change IN SELECT value FROM json_array_elements(changes) LOOP
        expected := (change->>'expect')::bigint;
        held := NULL;
        CASE change->>'type'
          WHEN 'put' THEN
            IF expected IS NULL THEN
              INSERT INTO lambdad.record AS present (kind, account, region, id, revision, body)
                VALUES (change->>'kind', change->>'account', change->>'region', change->>'id', 1, change->>'body')
                ON CONFLICT (kind, account, region, id)
                DO UPDATE SET revision = present.revision + 1, body = excluded.body
                RETURNING revision INTO held;
            ELSIF expected = 0 THEN
              INSERT INTO lambdad.record (kind, account, region, id, revision, body)
                VALUES (change->>'kind', change->>'account', change->>'region', change->>'id', 1, change->>'body')
                ON CONFLICT (kind, account, region, id) DO NOTHING
                RETURNING revision INTO held;
            ELSE
              UPDATE lambdad.record SET revision = revision + 1, body = change->>'body'
                WHERE kind = change->>'kind' AND account = change->>'account' AND region = change->>'region'
                  AND id = change->>'id' AND revision = expected
                RETURNING revision INTO held;
            END IF;
          WHEN 'delete' THEN
            IF expected = 0 THEN
              PERFORM 1 FROM lambdad.record
                WHERE kind = change->>'kind' AND account = change->>'account' AND region = change->>'region'
                  AND id = change->>'id';
              IF NOT FOUND THEN held := 0; END IF;
            ELSE
              DELETE FROM lambdad.record
                WHERE kind = change->>'kind' AND account = change->>'account' AND region = change->>'region'
                  AND id = change->>'id' AND (expected IS NULL OR revision = expected);
              IF FOUND OR expected IS NULL THEN held := 0; END IF;
            END IF;
          WHEN 'deletePrefix' THEN
            DELETE FROM lambdad.record
              WHERE kind = change->>'kind' AND account = change->>'account' AND region = change->>'region'
                AND id >= change->>'id' AND id < change->>'end';
            held := 0;
        END CASE;
        IF held IS NULL THEN
          RAISE EXCEPTION 'conflict' USING ERRCODE = '${CONFLICT}';
        END IF;
        revisions := revisions || held;
        place := place + 1;
      END LOOP;
      outcomes := outcomes || json_build_object('revisions', revisions);
    EXCEPTION WHEN SQLSTATE '${CONFLICT}' THEN
      outcomes := outcomes || json_build_object('conflict', place);
    END;
  END LOOP;
  RETURN array_to_json(outcomes);
END
$function$`;

/**
 * Brings the database to the newest schema, all steps in one transaction. Throws when it is newer than we know, or
 * cannot hold every text.
 */
export async function migrate(client: Client): Promise<void> {
  const { rows } = await client.query<{ encoding: string; schema: boolean; tables: boolean }>(
    `SELECT current_setting('server_encoding') AS encoding, to_regnamespace('lambdad') IS NOT NULL AS schema,
       to_regclass('lambdad.server') IS NOT NULL AS tables`,
  );
  const { encoding, schema, tables } = rows[0] as { encoding: string; schema: boolean; tables: boolean };
  if (encoding !== 'UTF8') throw new Error(`its encoding is ${encoding}, and UTF8 is needed`);
  const version = tables ? await versionOf(client) : 0;
  if (version > schemaSteps.length)
    throw new Error(`its schema is version ${version}, newer than the ${schemaSteps.length} that this lambdad knows`);
  await client.query('BEGIN');
  // Not IF NOT EXISTS: where the namespace was made for a role that may create no other, even asking is forbidden.
  if (!schema) await client.query('CREATE SCHEMA lambdad');
  for (const step of schemaSteps.slice(version)) await client.query(step);
  await client.query('UPDATE lambdad.server SET schema_version = $1', [schemaSteps.length]);
  await client.query(COMMIT_ALL);
  await client.query('COMMIT');
}

async function versionOf(client: Client): Promise<number> {
  const { rows } = await client.query<{ schema_version: number }>('SELECT schema_version FROM lambdad.server');
  return rows[0]?.schema_version ?? 0;
}
