/** What NODE_PATH leads to can be imported, not only required: layers and the bundled SDK of AWS's runtimes. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type NodeFound, nodes, startNodeFunction } from './node-runtime.ts';

const FIRST_MAJOR_WITH_CHEAP_HOOKS = 22;

/** Two folders of packages and one of modules, in this order in NODE_PATH. */
function nodePath(test: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'lambdad-imports-'));
  test.after(() => rmSync(root, { recursive: true, force: true }));
  const exported = JSON.stringify({
    exports: { '.': { import: './esm.mjs', require: './cjs.js' }, './part': './cjs.js' },
  });
  const files = {
    'layer/node_modules/both/index.js': "exports.from = 'layer';",
    'bundle/node_modules/both/index.js': "exports.from = 'bundle';",
    'bundle/node_modules/own/index.js': "exports.from = 'bundle';",
    'bundle/node_modules/@scope/conditional/package.json': exported,
    'bundle/node_modules/@scope/conditional/esm.mjs': "export const from = 'import';",
    'bundle/node_modules/@scope/conditional/cjs.js': "exports.from = 'require';",
    'loose/single.js': "exports.from = 'loose';",
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return [join(root, 'layer/node_modules'), join(root, 'bundle/node_modules'), join(root, 'loose')].join(':');
}

const OWN = { 'node_modules/own/index.js': "exports.from = 'function';" };
const names = ['both', 'own', '@scope/conditional', '@scope/conditional/part', 'single'];

function start(test: TestContext, node: NodeFound, files: Record<string, string>) {
  return startNodeFunction(test, node, { ...OWN, ...files }, { environment: { NODE_PATH: nodePath(test) } });
}

for (const node of nodes)
  describe(`imports of nodejs${node.major}.x`, () => {
    it('find what NODE_PATH leads to, behind what the function has', async (test) => {
      const source = `
        ${names.map((name, at) => `import { from as from${at} } from '${name}';`).join('\n')}
        import { readFileSync } from 'node:fs';
        import { sep } from 'path';
        export const handler = async () => [${names.map((_name, at) => `from${at}`).join(', ')}, typeof readFileSync, sep];`;
      const { api } = await start(test, node, { 'index.mjs': source });
      const posted = await api.invoke({});
      assert.equal(posted.body.toString(), '["layer","function","import","require","loose","function","/"]');
    });

    it('work while the function runs', async (test) => {
      const source = 'export const handler = async ({ name }) => (await import(name)).from;';
      const { api } = await start(test, node, { 'index.mjs': source });
      assert.equal((await api.invoke({ name: 'both' })).body.toString(), '"layer"');
      const { errorMessage } = JSON.parse((await api.invoke({ name: 'nowhere' })).body.toString());
      assert.match(errorMessage, /^Cannot find package 'nowhere' imported from .*\/index\.mjs$/);
      const hidden = JSON.parse((await api.invoke({ name: '@scope/conditional/hidden' })).body.toString());
      assert.match(hidden.errorMessage, /^Package subpath '\.\/hidden' is not defined by "exports"/);
      const relative = JSON.parse((await api.invoke({ name: './nowhere.mjs' })).body.toString());
      assert.match(relative.errorMessage, /^Cannot find module '.*\/nowhere\.mjs' imported from /);
    });

    it(`${node.major < FIRST_MAJOR_WITH_CHEAP_HOOKS ? 'do not reach' : 'reach'} functions that are no ES modules`, async (test) => {
      const source =
        'exports.handler = async () => [require("both").from, await import("both").then((m) => m.from, () => "no")];';
      const { api } = await start(test, node, { 'index.js': source });
      const imported = node.major < FIRST_MAJOR_WITH_CHEAP_HOOKS ? 'no' : 'layer';
      assert.deepEqual(JSON.parse((await api.invoke({})).body.toString()), ['layer', imported]);
    });
  });
