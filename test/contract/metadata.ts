import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Change,
  ID_LENGTH_MAX,
  type MetadataStore,
  PAGE_LIMIT_MAX,
  type RecordKey,
  type RecordKind,
  RevisionConflict,
} from '../../src/store/metadata.ts';

/** One database, empty at first, that can be closed and opened again. */
export interface MetadataHome {
  open(): Promise<MetadataStore>;
  remove(): Promise<void>;
}

type Test = (store: MetadataStore, home: MetadataHome) => Promise<void>;

const ACCOUNT = '123456789012';
const REGION = 'eu-central-1';

function key(id: string, kind: RecordKind = 'function', account = ACCOUNT, region = REGION): RecordKey {
  return { account, region, kind, id };
}

function put(id: string, body: unknown, expect?: number): Change {
  return { type: 'put', key: key(id), body, ...(expect === undefined ? {} : { expect }) };
}

function remove(id: string, expect?: number): Change {
  return { type: 'delete', key: key(id), ...(expect === undefined ? {} : { expect }) };
}

async function ids(store: MetadataStore, options: { prefix?: string; after?: string; limit?: number } = {}) {
  const page = { account: ACCOUNT, region: REGION, kind: 'function', limit: PAGE_LIMIT_MAX, ...options } as const;
  return (await store.list(page)).map((record) => record.id);
}

/** Every adapter of the metadata port passes this suite, and every wrapper around one. */
export function metadataContract(name: string, makeHome: () => Promise<MetadataHome>): void {
  const tests = { ...records, ...revisions, ...commits, ...pages, ...refusals, ...life };
  describe(`metadata store: ${name}`, () => {
    for (const [title, test] of Object.entries(tests))
      it(title, { timeout: 20_000 }, async () => {
        const home = await makeHome();
        const store = await home.open();
        try {
          await test(store, home);
        } finally {
          await store.close();
          await home.remove();
        }
      });
  });
}

const records: Record<string, Test> = {
  async 'a record comes back as it was put'(store) {
    const body = { text: 'ä 🐑 \u0000 "', list: [1, 2.5, null, true], nested: { empty: {} }, absent: undefined };
    assert.deepEqual(await store.commit([put('one', body)]), [1]);
    assert.deepEqual(await store.get(key('one')), {
      ...key('one'),
      revision: 1,
      body: { text: 'ä 🐑 \u0000 "', list: [1, 2.5, null, true], nested: { empty: {} } },
    });
  },

  async 'what was never put, or is deleted, is not there'(store) {
    assert.equal(await store.get(key('none')), undefined);
    await store.commit([put('one', 1)]);
    assert.deepEqual(await store.commit([remove('one')]), [0]);
    assert.equal(await store.get(key('one')), undefined);
    assert.deepEqual(await store.commit([remove('one')]), [0]);
  },

  async 'kind, account and region separate records'(store) {
    const keys = [
      key('same'),
      key('same', 'alias'),
      key('same', 'function', '000000000000'),
      key('same', 'function', ACCOUNT, 'us-east-1'),
    ];
    await store.commit(keys.map((each, index) => ({ type: 'put', key: each, body: index })));
    await store.commit([remove('same')]);
    const bodies = await Promise.all(keys.map(async (each) => (await store.get(each))?.body));
    assert.deepEqual(bodies, [undefined, 1, 2, 3]);
    assert.deepEqual(await ids(store), []);
  },

  async 'a body is taken at the call, not later'(store) {
    const body = { value: 1 };
    const done = store.commit([put('one', body)]);
    body.value = 2;
    await done;
    assert.deepEqual((await store.get(key('one')))?.body, { value: 1 });
  },

  async 'a body of a quarter megabyte comes back'(store) {
    const body = { text: 'x'.repeat(262_144) };
    await store.commit([put('large', body)]);
    assert.deepEqual((await store.get(key('large')))?.body, body);
  },
};

const revisions: Record<string, Test> = {
  async 'the revision counts the changes of its record'(store) {
    assert.deepEqual(await store.commit([put('one', 1)]), [1]);
    assert.deepEqual(await store.commit([put('one', 2)]), [2]);
    assert.deepEqual(await store.commit([put('one', 3, 2), put('two', 1, 0)]), [3, 1]);
    assert.equal((await store.get(key('one')))?.revision, 3);
  },

  async 'a put or delete that expects another revision changes nothing'(store) {
    await store.commit([put('one', 'first')]);
    for (const change of [
      put('one', 'x', 0),
      put('one', 'x', 2),
      remove('one', 2),
      remove('one', 0),
      put('no', 'x', 1),
    ])
      await assert.rejects(store.commit([change]), (error) => {
        assert.ok(error instanceof RevisionConflict);
        assert.deepEqual({ ...error.key }, { ...change.key });
        return true;
      });
    assert.deepEqual((await store.get(key('one')))?.body, 'first');
    assert.deepEqual(await store.commit([remove('one', 1)]), [0]);
    assert.deepEqual(await store.commit([remove('one', 0)]), [0]);
    assert.equal(await store.get(key('no')), undefined);
  },

  async 'of two writers that read the same revision exactly one wins'(store) {
    const rounds = 100;
    await store.commit([put('contested', { round: 0, winner: 'nobody' })]);
    for (let round = 1; round <= rounds; round++) {
      const reads = await Promise.all([store.get(key('contested')), store.get(key('contested'))]);
      for (const read of reads) assert.equal(read?.revision, round);
      const attempts = ['left', 'right'].map(async (winner) => {
        await store.commit([put(`${winner}-log`, round), put('contested', { round, winner }, round)]);
        return winner;
      });
      const settled = await Promise.allSettled(attempts);
      const won = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
      const lost = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
      assert.equal(won.length, 1);
      assert.ok(lost[0] instanceof RevisionConflict);
      assert.deepEqual((await store.get(key('contested')))?.body, { round, winner: won[0] });
      assert.equal((await store.get(key(`${won[0]}-log`)))?.body, round);
      const loser = won[0] === 'left' ? 'right' : 'left';
      assert.notEqual((await store.get(key(`${loser}-log`)))?.body, round);
    }
  },

  async 'of many creations at once exactly one succeeds'(store) {
    const attempts = Array.from({ length: 64 }, (_, index) => store.commit([put('new', index, 0)]));
    const settled = await Promise.allSettled(attempts);
    const winners = settled.flatMap((each, index) => (each.status === 'fulfilled' ? [index] : []));
    assert.equal(winners.length, 1);
    assert.equal((await store.get(key('new')))?.body, winners[0]);
  },
};

const commits: Record<string, Test> = {
  async 'a commit is all or nothing'(store) {
    await store.commit([put('kept', 1), put('family:a', 1), put('other', 1)]);
    const failing: Change[] = [
      put('fresh', 1),
      put('kept', 2),
      { type: 'deletePrefix', key: key('family:') },
      remove('other'),
      put('other', 9, 7),
    ];
    await assert.rejects(store.commit(failing), RevisionConflict);
    assert.deepEqual(await ids(store), ['family:a', 'kept', 'other']);
    assert.equal((await store.get(key('kept')))?.revision, 1);
  },

  async 'a commit that fails takes none of its neighbours with it'(store) {
    await store.commit([put('fixed', 0)]);
    const asked = Array.from({ length: 200 }, (_, index) =>
      store.commit([put(`n${index}`, index), ...(index % 3 === 0 ? [put('fixed', index, 99)] : [])]),
    );
    const settled = await Promise.allSettled(asked);
    for (const [index, each] of settled.entries()) {
      assert.equal(each.status, index % 3 === 0 ? 'rejected' : 'fulfilled', `commit ${index}`);
      assert.equal((await store.get(key(`n${index}`)))?.body, index % 3 === 0 ? undefined : index);
    }
    assert.equal((await store.get(key('fixed')))?.body, 0);
  },

  async 'the changes of a commit happen in their order'(store) {
    const result = await store.commit([
      put('a', 1, 0),
      put('a', 2, 1),
      remove('a', 2),
      put('a', 3, 0),
      { type: 'deletePrefix', key: key('b') },
      put('b1', 1),
    ]);
    assert.deepEqual(result, [1, 2, 0, 1, 0, 1]);
    assert.deepEqual(await ids(store), ['a', 'b1']);
    assert.equal((await store.get(key('a')))?.body, 3);
  },

  async 'an acknowledged commit is seen by every later read'(store) {
    for (let n = 1; n <= 50; n++) {
      await Promise.all([store.commit([put('seen', n)]), store.get(key('seen')), store.commit([put('beside', n)])]);
      assert.equal((await store.get(key('seen')))?.body, n);
      assert.deepEqual(await ids(store), ['beside', 'seen']);
    }
  },

  async 'an empty commit is acknowledged'(store) {
    assert.deepEqual(await store.commit([]), []);
  },
};

const pages: Record<string, Test> = {
  async 'a listing goes by code unit, not by any language'(store) {
    const unordered = ['b', 'a-1', 'B', 'a_1', 'a', '10', '2', 'a:1', 'A', 'a1', 'Z', 'a~', 'a b'];
    await store.commit(unordered.map((id) => put(id, id)));
    assert.deepEqual(await ids(store), [...unordered].sort());
  },

  async 'a prefix is plain text, whatever it looks like'(store) {
    const all = [
      '%',
      '%a',
      '_',
      '_a',
      'a%b',
      'a%bc',
      'a*b',
      'a?b',
      'aXb',
      'a_b',
      'a_bc',
      'a\\b',
      "a'b",
      'a~',
      'a~z',
      'b',
    ];
    await store.commit(all.map((id) => put(id, 1)));
    for (const prefix of ['', '%', '_', 'a', 'a%', 'a_', 'a_b', 'a*', 'a?', 'a\\', "a'", 'a~', 'A', 'zz', 'ä'])
      assert.deepEqual(await ids(store, { prefix }), all.filter((id) => id.startsWith(prefix)).sort(), prefix);
    await store.commit([{ type: 'deletePrefix', key: key('a_') }]);
    const left = all.filter((id) => !id.startsWith('a_')).sort();
    assert.deepEqual(await ids(store), left);
    await store.commit([{ type: 'deletePrefix', key: key('') }]);
    assert.deepEqual(await ids(store), []);
  },

  async 'pages follow one another without gap or repetition'(store) {
    const all = Array.from({ length: 25 }, (_, index) => `f${index}`).sort();
    await store.commit([...all, 'e', 'g'].map((id) => put(id, 1)));
    const found: string[] = [];
    for (let after = ''; ; ) {
      const page = await ids(store, { prefix: 'f', limit: 7, after });
      found.push(...page);
      if (page.length < 7) break;
      after = page.at(-1) as string;
    }
    assert.deepEqual(found, all);
    assert.deepEqual(await ids(store, { prefix: 'f', after: 'f9' }), []);
    assert.deepEqual(await ids(store, { prefix: 'f', after: 'a' }), all);
    assert.deepEqual(
      await ids(store, { after: 'f24' }),
      [...all, 'g'].filter((id) => id > 'f24'),
    );
  },

  async 'a scan meets everything that stays, while others write'(store) {
    const places = ['111111111111', '222222222222', '333333333333'].flatMap((account) =>
      ['eu-west-1', 'us-east-1'].map((region) => ({ account, region })),
    );
    const staying = places.flatMap(({ account, region }) =>
      Array.from({ length: 10 }, (_, index) => key(`s${index}`, 'version', account, region)),
    );
    await store.commit(staying.map((each) => ({ type: 'put', key: each, body: 0 })));
    await store.commit([put('other-kind', 1)]);
    const met: string[] = [];
    let after: RecordKey | undefined;
    for (let turn = 0; ; turn++) {
      const { account, region } = places[turn % places.length] as { account: string; region: string };
      const writing = store.commit([
        { type: 'put', key: key(`s${turn % 10}`, 'version', account, region), body: turn },
        { type: 'put', key: key(`t${turn}`, 'version', account, region), body: turn },
        { type: 'delete', key: key(`t${turn - 1}`, 'version', account, region) },
      ]);
      const page = await store.scan('version', after, 4);
      await writing;
      for (const { account: a, region: r, id, kind } of page) met.push(`${a}/${r}/${kind}/${id}`);
      after = page.at(-1);
      if (after === undefined) break;
    }
    assert.deepEqual([...met].sort(), met, 'one stable order');
    assert.equal(new Set(met).size, met.length, 'nothing twice');
    for (const { account, region, id } of staying) assert.ok(met.includes(`${account}/${region}/version/${id}`));
    assert.ok(met.every((each) => each.includes('/version/')));
  },
};

const refusals: Record<string, Test> = {
  async 'what no adapter could keep is refused before anything is done'(store) {
    const bad: Change[] = [
      put('', 1),
      put('ä', 1),
      put('a\u0000b', 1),
      put('x'.repeat(ID_LENGTH_MAX + 1), 1),
      put('a', undefined),
      put('a', 'x'.repeat(2_000_000)),
      put('a', 1, -1),
      put('a', 1, 0.5),
      { type: 'put', key: key('a', 'function', ''), body: 1 },
    ];
    for (const change of bad) await assert.rejects(store.commit([put('fine', 1), change]), Error);
    await assert.rejects(store.commit(Array.from({ length: 1001 }, (_, index) => put(`m${index}`, 1))), Error);
    assert.deepEqual(await ids(store), []);
    assert.deepEqual(await store.commit([put('x'.repeat(ID_LENGTH_MAX), 1)]), [1]);
  },

  async 'a page has 1 to PAGE_LIMIT_MAX records'(store) {
    for (const limit of [0, -1, 1.5, PAGE_LIMIT_MAX + 1, Number.NaN]) {
      await assert.rejects(ids(store, { limit }), Error);
      await assert.rejects(store.scan('function', undefined, limit), Error);
    }
  },
};

const life: Record<string, Test> = {
  async 'everything is there after closing and opening again'(store, home) {
    await store.commit([put('one', { n: 1 })]);
    await store.commit([put('one', { n: 2 })]);
    await store.close();
    const again = await home.open();
    try {
      assert.deepEqual(await again.get(key('one')), { ...key('one'), revision: 2, body: { n: 2 } });
      assert.deepEqual(await again.commit([put('one', { n: 3 }, 2)]), [3]);
    } finally {
      await again.close();
    }
  },

  async 'closing lets what was asked before finish, and refuses what comes after'(store, home) {
    const asked = Array.from({ length: 20 }, (_, index) => store.commit([put(`last${index}`, 1)]));
    const closing = store.close();
    await assert.rejects(store.commit([put('late', 1)]), /closed/);
    await assert.rejects(store.get(key('late')), /closed/);
    await Promise.all(asked);
    await closing;
    await store.close();
    const again = await home.open();
    try {
      assert.equal((await ids(again)).length, 20);
    } finally {
      await again.close();
    }
  },
};
