import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openSqliteMetadata } from '../../src/databases/sqlite/metadata.ts';
import type { FunctionConfiguration } from '../../src/model/types.gen.ts';
import { type CachedMetadata, cachedMetadata } from '../../src/store/cached-metadata.ts';
import { byExtent } from '../proof/extent.ts';
import { copiesOf, fillCatalogue, type Template, templateOf } from '../support/catalogue.ts';
import { ACCOUNT, createActive, makeWorld, REGION, type World } from '../support/function-world.ts';

const FUNCTIONS = byExtent({ reduced: 2_000, full: 10_000, longest: 10_000 });
/** Room for a part of their records. */
const CACHED_RECORDS_MAX = 2 * FUNCTIONS;
const PAGE_ITEMS = 50;
const namespace = { account: ACCOUNT, region: REGION };
const nameOf = (index: number) => `f-${String(index).padStart(5, '0')}`;

describe(`${FUNCTIONS} functions with versions and aliases`, { timeout: 120_000 }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'lambdad-catalogue-'));
  let world: World;
  let metadata: CachedMetadata;
  let template: Template;

  before(async () => {
    world = await makeWorld();
    await createActive(world, 'template', { Publish: true });
    await world.call('UpdateFunctionConfiguration', { FunctionName: 'template', Description: 'second' });
    await world.activation.idle();
    await world.call('PublishVersion', { FunctionName: 'template' });
    await world.call('CreateAlias', { FunctionName: 'template', Name: 'live', FunctionVersion: '2' });
    await world.activation.idle();
    template = await templateOf(world.metadata, namespace, 'template');
    metadata = cachedMetadata(await openSqliteMetadata({ path: join(dir, 'metadata.db') }), CACHED_RECORDS_MAX);
    const names = Array.from({ length: FUNCTIONS }, (_, index) => nameOf(index));
    await fillCatalogue(metadata, namespace, template, names);
  });
  after(async () => {
    await metadata.close();
    await world.close();
    rmSync(dir, { recursive: true, force: true });
  });

  const services = () => ({ ...world.services, metadata });

  async function* pages(version?: 'ALL'): AsyncGenerator<readonly FunctionConfiguration[]> {
    const all = version === undefined ? {} : { FunctionVersion: version };
    for (let Marker: string | undefined; ; ) {
      const input = { ...all, ...(Marker === undefined ? {} : { Marker }) };
      const { output } = await world.call('ListFunctions', input, { services: services() });
      yield output.Functions ?? [];
      if (output.NextMarker === undefined) return;
      Marker = output.NextMarker;
    }
  }

  /** Between two pages functions come and go, behind the page and before it. */
  async function churn(turn: number): Promise<void> {
    const coming = [(turn * 37) % FUNCTIONS, FUNCTIONS - 1 - ((turn * 53) % FUNCTIONS)].map(
      (at) => `${nameOf(at)}-guest`,
    );
    for (const name of coming) await metadata.commit(copiesOf(template, namespace, name));
    const going = `${nameOf(((turn - 7) * 37) % FUNCTIONS)}-guest`;
    if (turn >= 7) await world.call('DeleteFunction', { FunctionName: going }, { services: services() });
  }

  for (const [what, version, each] of [
    ['functions', undefined, 1],
    ['functions with all their versions', 'ALL', 3],
  ] as const)
    it(`${what}: no gap and no repeat while others come and go`, async () => {
      const met: string[] = [];
      let turn = 0;
      for await (const page of pages(version)) {
        assert.ok(page.length <= PAGE_ITEMS);
        for (const { FunctionName = '', Version = '' } of page)
          met.push(`${FunctionName} ${Version === '$LATEST' ? 0 : Version}`);
        await churn(turn++);
      }
      assert.ok(
        met.every((name, at) => at === 0 || (met[at - 1] as string) < name),
        'out of order, or met twice',
      );
      assert.equal(met.filter((name) => !name.includes('guest')).length, FUNCTIONS * each);
      assert.ok(turn >= (FUNCTIONS * each) / PAGE_ITEMS);
    });

  it('versions and aliases of one function, while others come and go', async () => {
    const kinds = { version: 300, alias: 150 } as const;
    const [owner] = template.records.filter(({ kind }) => kind === 'function');
    const make = async (kind: keyof typeof kinds, number: number) => {
      const pattern = template.records.find((record) => record.kind === kind);
      const id = kind === 'version' ? String(number).padStart(10, '0') : `a-${String(number).padStart(4, '0')}`;
      const own = kind === 'version' ? { version: String(number) } : { name: id };
      const body = { ...(pattern?.body as object), ...own, functionName: 'many' };
      await metadata.commit([{ type: 'put', key: { ...namespace, kind, id: `many:${id}` }, body }]);
    };
    const body = { ...(owner?.body as object), name: 'many' };
    await metadata.commit([{ type: 'put', key: { ...namespace, kind: 'function', id: 'many' }, body }]);
    for (const [kind, count] of Object.entries(kinds))
      for (let number = 1; number <= count; number++) await make(kind as keyof typeof kinds, 2 * number);
    for (const [kind, count] of Object.entries(kinds) as ['version' | 'alias', number][]) {
      const met: string[] = [];
      for (let Marker: string | undefined, turn = 0; ; turn++) {
        const input = { FunctionName: 'many', MaxItems: 7, ...(Marker === undefined ? {} : { Marker }) };
        const answer =
          kind === 'version'
            ? (await world.call('ListVersionsByFunction', input, { services: services() })).output
            : (await world.call('ListAliases', input, { services: services() })).output;
        const items = 'Versions' in answer ? answer.Versions?.map(({ Version }) => Version ?? '') : undefined;
        met.push(...(items ?? ('Aliases' in answer ? (answer.Aliases ?? []).map(({ Name }) => Name ?? '') : [])));
        await make(kind, 2 * ((turn * 11) % count) + 1);
        Marker = answer.NextMarker;
        if (Marker === undefined) break;
      }
      const numbers = met.filter((name) => name !== '$LATEST').map((name) => Number(name.replace('a-', '')));
      assert.equal(new Set(numbers).size, numbers.length, `${kind}: something was met twice`);
      assert.equal(numbers.filter((number) => number % 2 === 0).length, count, kind);
    }
  });
});
