import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { generate } from '../scripts/model.ts';
import { operationModels } from '../src/model/operations.gen.ts';
import { root } from './support/source-tree.ts';

const folder = join(root, 'src', 'model');
const generated = generate();

test('the generated files are what the generator makes of the model', () => {
  const committed = readdirSync(folder).filter((name) => name.endsWith('.gen.ts'));
  assert.deepEqual(committed.sort(), Object.keys(generated).sort());
  for (const [name, text] of Object.entries(generated))
    assert.ok(readFileSync(join(folder, name), 'utf8') === text, `src/model/${name} has drifted: run npm run model`);
});

test('the model is whole', () => {
  assert.equal(Object.keys(operationModels).length, 88);
});
