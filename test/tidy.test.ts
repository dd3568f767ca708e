// The style rules that a program can check. Each rule is a function of a text, tried on a sample that breaks it.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { basename, dirname, extname, join, sep } from 'node:path';
import { describe, test } from 'node:test';
import { configHelp } from '../src/config.ts';
import { type OperationName, operationModels } from '../src/model/operations.gen.ts';
import { lineCount, linkedFiles, measureFunctions } from './support/source-measures.ts';
import { projectFiles, root, textOf } from './support/source-tree.ts';

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;

const files = projectFiles();
const texts = new Map(files.flatMap((path) => (textOf(path) === undefined ? [] : [[path, textOf(path) ?? '']])));

const isScript = (path: string) => /\.(ts|mjs|cjs|js)$/.test(path) && !path.endsWith('.gen.ts');
const isCode = (path: string) => isScript(path) || /\.(py|c|h|sh|go)$/.test(path);

/** `path: complaint` for every complaint that `rule` has of a file that `applies`. */
function complaints(applies: (path: string) => boolean, rule: (text: string, path: string) => string[]): string[] {
  return [...texts]
    .filter(([path]) => applies(path))
    .flatMap(([path, text]) => rule(text, path).map((it) => `${path}: ${it}`));
}

function longFile(text: string): string[] {
  const lines = lineCount(text);
  return lines > FILE_LINES_MAX ? [`${lines} lines, at most ${FILE_LINES_MAX}`] : [];
}

function longFunctions(text: string, path: string): string[] {
  return measureFunctions(path, text)
    .filter(({ lines }) => lines > FUNCTION_LINES_MAX)
    .map(({ name, line, lines }) => `${name} (line ${line}) has ${lines} lines, at most ${FUNCTION_LINES_MAX}`);
}

/** Marks of work put off. Written so that this file does not hold them itself. */
const PUT_OFF = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`);

function putOff(text: string): string[] {
  return matchingLines(text, PUT_OFF);
}

const BANNED_NAMES = ['utils', 'helpers', 'common', 'misc', 'manager', 'index', 'types', 'constants'];
/** Names that something else demands: Lambda's bootstrap and a handler file are looked up by theirs. */
const DEMANDED = /^(runtimes|examples)\/[^/]+\/index\.m?js$/;

function bannedName(path: string): boolean {
  return BANNED_NAMES.includes((basename(path).split('.')[0] ?? '').toLowerCase()) && !DEMANDED.test(path);
}

function isKebabCase(path: string): boolean {
  return /^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*$/.test(basename(path));
}

/** `.only(` runs one test and hides the rest; a skipped test says why. */
const UNEXPLAINED = /\b(test|it|describe)\.(only|skip|todo)\(|\b(skip|only|todo): true\b/;

const HOME_FOLDER = /(?<![\w.])(\/home\/(?!sbx_)\w+\/|\/Users\/\w+\/|[A-Z]:\\Users\\)/;

function machinePaths(text: string): string[] {
  // A checkout right below /tmp or /opt: those are in many a file for good reason.
  const parent = dirname(root);
  const own = [parent.split(sep).length > 2 ? `${parent}${sep}` : root];
  const lines = text
    .split('\n')
    .flatMap((line, at) => (own.some((path) => line.includes(path)) ? [`line ${at + 1}`] : []));
  return [...lines, ...matchingLines(text, HOME_FOLDER)];
}

/** Package registries: a machine is set up for its own, the project names none. */
const REGISTRY_HOSTS = [
  ['registry', 'npmjs', 'org'],
  ['registry', 'yarnpkg', 'com'],
  ['pypi', 'org'],
  ['pythonhosted', 'org'],
  ['proxy', 'golang', 'org'],
  ['sum', 'golang', 'org'],
  ['crates', 'io'],
  ['debian', 'org'],
].map((parts) => parts.join('.'));

function registryHosts(text: string): string[] {
  return REGISTRY_HOSTS.filter((host) => text.includes(host));
}

function matchingLines(text: string, pattern: RegExp): string[] {
  return text.split('\n').flatMap((line, at) => (pattern.test(line) ? [`line ${at + 1}: ${line.trim()}`] : []));
}

function kebabCase(operation: string): string {
  return operation.replace(/(?<=[a-z0-9])(?=[A-Z])/g, '-').toLowerCase();
}

describe('the project', () => {
  test(`files have at most ${FILE_LINES_MAX} lines`, () => {
    assert.deepEqual(complaints(isCode, longFile), []);
  });

  test(`functions have at most ${FUNCTION_LINES_MAX} lines`, () => {
    assert.deepEqual(complaints(isScript, longFunctions), []);
  });

  test('files are named for what they hold, in kebab-case', () => {
    assert.deepEqual(
      files.filter((path) => isCode(path) && bannedName(path)),
      [],
    );
    assert.deepEqual(
      files.filter((path) => /^(src|test|scripts|bench|native)\//.test(path) && isScript(path) && !isKebabCase(path)),
      [],
    );
  });

  test('no work is put off in a comment', () => {
    assert.deepEqual(
      complaints((path) => isCode(path) || extname(path) === '.md', putOff),
      [],
    );
  });

  test('no test is skipped without a reason, or run alone', () => {
    assert.deepEqual(
      complaints(
        (path) => path.endsWith('.test.ts') && path !== 'test/tidy.test.ts',
        (text) => matchingLines(text, UNEXPLAINED),
      ),
      [],
    );
  });

  test('no path of a machine is in any file', () => {
    assert.deepEqual(
      complaints(() => true, machinePaths),
      [],
    );
  });

  test('no registry is named, in lock files neither', () => {
    assert.deepEqual(
      complaints((path) => path !== 'LICENSE', registryHosts),
      [],
    );
    assert.deepEqual(
      complaints(
        (path) => basename(path) === 'package-lock.json',
        (text) => matchingLines(text, /"resolved": "http/),
      ),
      [],
    );
  });

  test('links in Markdown lead to files', () => {
    const broken = (text: string, path: string) =>
      linkedFiles(path, text).filter((target) => !existsSync(join(root, target)));
    assert.deepEqual(
      complaints((path) => extname(path) === '.md', broken),
      [],
    );
  });
});

describe('the operations', () => {
  const names = Object.keys(operationModels) as OperationName[];

  test('each has a file of its name', () => {
    const folder = new Set(
      files.filter((path) => path.startsWith('src/operations/')).map((path) => basename(path, '.ts')),
    );
    const filed = names.filter((name) => folder.has(kebabCase(name)));
    assert.deepEqual(filed, names);
  });
});

test('the README explains every flag of the server', () => {
  const readme = texts.get('README.md') ?? '';
  assert.deepEqual(
    Object.keys(configHelp).filter((flag) => !readme.includes(`--${flag}`)),
    [],
  );
});

describe('the rules themselves', () => {
  test('notice a long file', () => {
    assert.deepEqual(longFile('x\n'.repeat(FILE_LINES_MAX)), []);
    assert.equal(longFile('x\n'.repeat(FILE_LINES_MAX + 1)).length, 1);
  });

  test('notice long functions of every form, but not a describe', () => {
    const body = (lines: number) => `{\n${'  a();\n'.repeat(lines - 2)}}`;
    const tooLong = FUNCTION_LINES_MAX + 1;
    for (const form of [
      'function f() BODY',
      'const f = () => BODY;',
      'class C { f() BODY }',
      'test("t", async () => BODY);',
    ]) {
      assert.equal(longFunctions(form.replace('BODY', body(tooLong)), 'a.ts').length, 1, form);
      assert.equal(longFunctions(form.replace('BODY', body(FUNCTION_LINES_MAX)), 'a.ts').length, 0, form);
    }
    assert.equal(longFunctions(`describe("d", () => ${body(tooLong)});`, 'a.test.ts').length, 0);
  });

  test('notice names, marks, skips, paths, hosts and links', () => {
    assert.ok(bannedName('src/base/utils.ts') && bannedName('test/helpers.test.ts') && !bannedName('src/base/arn.ts'));
    assert.ok(
      !isKebabCase('src/base/someFile.ts') && isKebabCase('src/base/some-file.test.ts') && isKebabCase('a.gen.ts'),
    );
    assert.equal(putOff(`// ${'TO' + 'DO'}: later`).length, 1);
    assert.match(`test.${'only'}('x')`, UNEXPLAINED);
    assert.doesNotMatch("test('x', { skip: 'no user namespaces' }, f)", UNEXPLAINED);
    assert.equal(machinePaths(`see ${root}/src`).length, 1);
    assert.equal(machinePaths(`see /${'home'}/jane/src`).length, 1);
    assert.deepEqual(registryHosts(`https://${REGISTRY_HOSTS[0]}/yazl`), [REGISTRY_HOSTS[0]]);
    assert.deepEqual(linkedFiles('docs/a.md', '[b](../b.md#part) [c](https://x.test) [d](#here)'), ['b.md']);
    assert.equal(kebabCase('ListFunctionsByCodeSigningConfig'), 'list-functions-by-code-signing-config');
  });
});
