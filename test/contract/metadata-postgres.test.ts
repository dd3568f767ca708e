import assert from 'node:assert/strict';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { openPostgresMetadata } from '../../src/databases/postgres/metadata.ts';
import { schemaSteps } from '../../src/databases/postgres/schema.ts';
import { cachedMetadata } from '../../src/store/cached-metadata.ts';
import { type MetadataStore, StoreFull } from '../../src/store/metadata.ts';
import { PASSWORD, type PrivatePostgres, startPostgres, withoutPostgres } from '../support/postgres.ts';
import { metadataContract } from './metadata.ts';

let postgres: PrivatePostgres;
let databases = 0;

/** A database of its own; what another server's coming does to this one is kept in `takenOver`. */
async function makeHome(options?: string) {
  const name = `lambdad_${++databases}`;
  const url = await postgres.createDatabase(name, options);
  const takenOver: Error[] = [];
  const open = (at = url) => openPostgresMetadata({ url: at, onTakenOver: (error) => takenOver.push(error) });
  return { name, url, takenOver, open, remove: async () => {} };
}

const KEY = { account: '123456789012', region: 'eu-central-1', kind: 'function', id: 'one' } as const;

function put(store: MetadataStore, body: unknown, expect?: number): Promise<readonly number[]> {
  return store.commit([{ type: 'put', key: KEY, body, ...(expect === undefined ? {} : { expect }) }]);
}

/** Resolves once `holds` does; the test's own time limit ends it otherwise. */
async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** A way to the database that can be cut. */
async function startProxy(
  socket: string,
): Promise<{ server: Server; port: number; cut(): void; onAnswer(hook: () => boolean): void }> {
  const open = new Set<Socket>();
  let mayAnswer = () => true;
  const server = createServer((near) => {
    const far = connect(`${socket}/.s.PGSQL.5432`);
    for (const end of [near, far]) {
      open.add(end);
      end.on('error', () => {});
      end.on('close', () => {
        open.delete(end);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    far.on('data', (piece) => {
      if (mayAnswer()) near.write(piece);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const cut = () => {
    for (const end of open) end.destroy();
  };
  return {
    server,
    port,
    cut,
    onAnswer: (hook) => {
      mayAnswer = hook;
    },
  };
}

describe('PostgreSQL', { skip: withoutPostgres }, () => {
  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres.remove());

  metadataContract('postgres', makeHome);

  metadataContract('postgres behind the cache', async () => {
    const home = await makeHome();
    return { ...home, open: async () => cachedMetadata(await home.open(), 8) };
  });

  describe('metadata store: postgres alone', { timeout: 60_000 }, () => {
    it('gives a body back with its members in their order', async () => {
      const store = await (await makeHome()).open();
      const text = '{"b":1,"a":{"z":1,"y":2},"10":0,"é":"\\u0000 🐑"}';
      await put(store, JSON.parse(text));
      assert.equal(JSON.stringify((await store.get(KEY))?.body), JSON.stringify(JSON.parse(text)));
      await store.close();
    });

    it('refuses a second server in one line, and lets it in when the first has ended', async () => {
      const home = await makeHome();
      const first = await home.open();
      await assert.rejects(home.open(), /^Error: database lambdad_\d+ at \S+: it is in use by another lambdad$/);
      await put(first, 1);
      await first.close();
      const second = await home.open();
      assert.equal((await second.get(KEY))?.body, 1);
      await second.close();
      assert.deepEqual(home.takenOver, []);
    });

    it('takes a database with tables of others, in a namespace of its own', async () => {
      const home = await makeHome();
      await postgres.query(home.name, 'CREATE TABLE public.record (mine text)');
      const store = await home.open();
      await put(store, 1);
      await store.close();
      assert.deepEqual(await postgres.query(home.name, 'SELECT * FROM public.record'), []);
    });

    it('says in one line, without the password, why it cannot start', async () => {
      const home = await makeHome();
      const refused = async (url: string, text: RegExp) => {
        await assert.rejects(home.open(url), (error: Error) => {
          assert.match(error.message, text);
          for (const secret of [PASSWORD, encodeURIComponent(PASSWORD), 'not-the-one'])
            assert.ok(!error.message.includes(secret), error.message);
          return !error.message.includes('\n');
        });
      };
      await refused(home.url.replace(encodeURIComponent(PASSWORD), 'not-the-one'), /: password authentication failed/);
      await refused(home.url.replace(home.name, 'nowhere'), /: database "nowhere" does not exist$/);
      await refused('postgres://u:not-the-one@127.0.0.1:1/x', /^database x at 127\.0\.0\.1:1: connect ECONNREFUSED/);
      await refused('postgres://u:not-the-one@127.0.0.1:99999/x', /^the database's URL cannot be used: /);
      const latin = await makeHome("ENCODING 'LATIN1' LOCALE_PROVIDER libc TEMPLATE template0");
      await refused(latin.url, /: its encoding is LATIN1, and UTF8 is needed$/);
    });

    it('refuses a schema newer than it knows, and leaves it alone', async () => {
      const home = await makeHome();
      await (await home.open()).close();
      await postgres.query(home.name, `UPDATE lambdad.server SET schema_version = ${schemaSteps.length + 1}`);
      await assert.rejects(home.open(), /: its schema is version \d+, newer than the \d+ that this lambdad knows$/);
      const [row] = await postgres.query<{ schema_version: number }>(home.name, 'SELECT * FROM lambdad.server');
      assert.equal(row?.schema_version, schemaSteps.length + 1);
    });

    it('belongs to one data folder', async () => {
      const { url } = await makeHome();
      const open = (known: string | undefined, made = 'mine') =>
        openPostgresMetadata({ url, onTakenOver: () => {}, binding: { known, make: async () => made } });
      await assert.rejects(
        open('elsewhere'),
        /: it is new, and the data folder keeps its records in another database$/,
      );
      await (await open(undefined)).close();
      await assert.rejects(open(undefined), /: its records belong to another data folder$/);
      await assert.rejects(open('other'), /: its records belong to another data folder$/);
      await (await open('mine')).close();
    });

    it('says that there is no room, and takes smaller commits and later ones', async () => {
      const home = await makeHome();
      const store = await home.open();
      await put(store, 0);
      // A disk cannot be filled here; the database says of a marked record what it says then.
      await postgres.query(
        home.name,
        `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
         CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON lambdad.record FOR EACH ROW
           WHEN (new.body LIKE '%large%') EXECUTE FUNCTION full_disk()`,
      );
      const key = (id: string) => ({ ...KEY, id });
      const settled = await Promise.allSettled(
        ['small', 'large', 'tiny'].map((body) => store.commit([{ type: 'put', key: key(body), body }])),
      );
      assert.deepEqual(
        settled.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled'],
      );
      const refusal = (settled[1] as PromiseRejectedResult).reason;
      assert.ok(refusal instanceof StoreFull, String(refusal));
      assert.equal(await store.get(key('large')), undefined);
      assert.deepEqual(await put(store, 'later'), [2]);
      await store.close();
    });
  });

  describe('metadata store: postgres that comes and goes', { timeout: 60_000 }, () => {
    it('outlives a restart of the database: reads and commits wait', async () => {
      for (const how of ['fast', 'crash'] as const) {
        const home = await makeHome();
        const store = await home.open();
        await put(store, 1);
        await postgres.stop(how);
        const asked = [put(store, 2), store.get(KEY)];
        // A commit that is on its way when the connection ends is refused before the database is back.
        const settled = Promise.allSettled(asked);
        await postgres.start();
        await settled;
        await asked[1];
        await until(() =>
          put(store, 3).then(
            () => true,
            () => false,
          ),
        );
        assert.equal((await store.get(KEY))?.body, 3);
        assert.deepEqual(home.takenOver, []);
        await store.close();
      }
    });

    it('closes while the database is away, and leaves no lock behind', async () => {
      const home = await makeHome();
      const store = await home.open();
      await put(store, 1);
      await postgres.stop('fast');
      const waiting = assert.rejects(put(store, 2), /cannot be reached, nothing was committed|is unknown$/);
      await store.close();
      await waiting;
      await postgres.start();
      const again = await home.open();
      assert.equal((await again.get(KEY))?.body, 1);
      await again.close();
    });

    it('says of a commit whose answer is lost that its outcome is unknown, and does not make it twice', async () => {
      const home = await makeHome();
      const proxy = await startProxy(postgres.socket);
      const url = home.url.replace(/@\/([^?]*)\?.*$/, `@127.0.0.1:${proxy.port}/$1`);
      const store = await home.open(url);
      await put(store, 1);
      const done = async () =>
        (await postgres.query<{ revision: string }>(home.name, 'SELECT revision FROM lambdad.record'))[0];
      let withheld = false;
      proxy.onAnswer(() => {
        withheld = true;
        return false;
      });
      const lost = put(store, 2);
      lost.catch(() => {});
      await until(async () => withheld && (await done())?.revision === '2');
      proxy.onAnswer(() => true);
      proxy.cut();
      await assert.rejects(lost, /; whether the commit was made is unknown$/);
      assert.equal((await store.get(KEY))?.revision, 2);
      assert.deepEqual(await put(store, 3, 2), [3]);
      assert.deepEqual(home.takenOver, []);
      await store.close();
      proxy.server.close();
      proxy.cut();
    });

    it('stops writing when another server has taken the database in between', async () => {
      const home = await makeHome();
      const proxy = await startProxy(postgres.socket);
      const url = home.url.replace(/@\/([^?]*)\?.*$/, `@127.0.0.1:${proxy.port}/$1`);
      const first = await home.open(url);
      await put(first, 'first');
      proxy.server.close();
      proxy.cut();
      const second = await home.open();
      await put(second, 'second');
      // The way back is open again: what comes through it is the loser.
      await new Promise<void>((resolve) => proxy.server.listen(proxy.port, '127.0.0.1', resolve));
      await assert.rejects(put(first, 'late'), /: another lambdad has taken it over$/);
      await assert.rejects(first.get(KEY), /: another lambdad has taken it over$/);
      assert.equal(home.takenOver.length, 1);
      assert.equal((await second.get(KEY))?.body, 'second');
      await first.close();
      await second.close();
      proxy.server.close();
      proxy.cut();
    });
  });
});
