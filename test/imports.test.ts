// The import rules themselves are tested here, on small trees that break one rule each; `npm run check` applies them to src.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { cruise, type ICruiseOptions, type IFlattenedRuleSet } from 'dependency-cruiser';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const settings = createRequire(import.meta.url)('../.dependency-cruiser.cjs') as IFlattenedRuleSet & {
  options: ICruiseOptions & { tsConfig: unknown };
};

interface Report {
  readonly summary: {
    readonly violations: readonly { readonly from: string; readonly rule: { readonly name: string } }[];
  };
}

/** `rule: file` for each rule that a tree of files (path → text) breaks. */
async function violations(files: Readonly<Record<string, string>>): Promise<string[]> {
  const dir = mkdtempSync(join(tmpdir(), 'lambdad-imports-'));
  try {
    const manifest = { name: 'sample', type: 'module', devDependencies: { yazl: '*' }, dependencies: { yauzl: '*' } };
    for (const [path, text] of Object.entries({ 'package.json': JSON.stringify(manifest), ...files })) {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), text);
    }
    symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'));
    const { tsConfig: _, ...options } = settings.options;
    const result = await cruise(['src'], { ...options, baseDir: dir, validate: true, ruleSet: settings });
    return (result.output as unknown as Report).summary.violations.map(({ rule, from }) => `${rule.name}: ${from}`);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const empty = 'export const a = 1;\n';
const uses = (path: string) => `import { a } from '${path}';\nexport const b = a;\n`;

test('imports of earlier rooms, and of adapters by main.ts, are allowed', async () => {
  const files = {
    'src/base/a.ts': empty,
    'src/store/a.ts': uses('../base/a.ts'),
    'src/databases/sqlite/worker.ts': uses('../../store/a.ts'),
    'src/main.ts': uses('./databases/sqlite/worker.ts'),
    'src/config.ts': uses('./base/a.ts'),
    'src/cli/start.ts': "import '../config.ts';\nexport const run = () => import('../main.ts');\n",
    'src/cli/main.ts': "import './start.ts';\nimport 'yauzl';\n",
  };
  assert.deepEqual(await violations(files), []);
});

const broken: Record<string, Record<string, string>> = {
  'store-imports': { 'src/store/a.ts': uses('../server/a.ts'), 'src/server/a.ts': empty },
  'sandboxes-imports': { 'src/sandboxes/linux/a.ts': uses('../../invoke/a.ts'), 'src/invoke/a.ts': empty },
  'cli-imports': { 'src/cli/a.ts': uses('../functions/a.ts'), 'src/functions/a.ts': empty },
  'only-start-loads-the-server': {
    'src/cli/ls.ts': "export const run = () => import('../main.ts');\n",
    'src/main.ts': empty,
  },
  'the-server-is-loaded-on-demand': { 'src/cli/start.ts': uses('../main.ts'), 'src/main.ts': empty },
  'config-imports': { 'src/config.ts': uses('./store/a.ts'), 'src/store/a.ts': empty },
  'only-main-names-adapters': { 'src/other.ts': uses('./databases/a.ts'), 'src/databases/a.ts': empty },
  'every-room-has-its-rule': { 'src/helpers/a.ts': uses('../base/a.ts'), 'src/base/a.ts': empty },
  'sub-folders-are-private': {
    'src/server/a.ts': uses('../environments/runtime-api/a.ts'),
    'src/environments/runtime-api/a.ts': empty,
  },
  'no-cycles': {
    'src/base/a.ts': "import type { B } from './b.ts';\nexport type A = B;\n",
    'src/base/b.ts': uses('./a.ts'),
  },
  'src-knows-no-tests': { 'src/base/a.ts': uses('../../test/a.ts'), 'test/a.ts': empty },
  'no-development-packages': { 'src/base/a.ts': "import 'yazl';\n" },
  'everything-resolves': { 'src/base/a.ts': "import './gone.ts';\n" },
  'no-dead-files': { 'src/main.ts': uses('./base/a.ts'), 'src/base/a.ts': empty, 'src/base/b.ts': uses('./a.ts') },
};

for (const [rule, files] of Object.entries(broken))
  test(`${rule} is noticed`, async () => {
    const found = await violations(files);
    assert.ok(
      found.some((violation) => violation.startsWith(`${rule}: `)),
      `found ${JSON.stringify(found)}`,
    );
  });
