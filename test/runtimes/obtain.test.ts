// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the placeholders of runtime descriptions look like that
/** A runtime is a folder: what is looked for and fetched on its behalf, once, whoever else wants it and is killed. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CacheUse, FolderInUse } from '../../src/runtimes/cache-use.ts';
import { matchRuntime, readRuntimeFamilies, runtimeCommand } from '../../src/runtimes/description.ts';
import { obtainRuntime, RuntimeMissing } from '../../src/runtimes/obtained-runtime.ts';

const JAR = 'the jar of a test';
const COORDINATES = 'org.example:thing:1.0';
const JAR_PATH = '/maven/org/example/thing/1.0/thing-1.0.jar';

const sha512 = (text: string) => `sha512-${createHash('sha512').update(text).digest('base64')}`;

/** A family whose interpreter is a script that says its version, and that takes one jar. */
function description(integrity: string, more: object = {}) {
  return {
    name: 'Toy',
    identifiers: ['toy1', 'toy2', 'toy3', 'toy5'],
    match: '^toy(\\d)$',
    interpreter: {
      from: 'machine',
      places: ['${HOME}/toys/*/bin/toy'],
      question: ['--version'],
      answer: '^toy (?<version>[\\d.]+)$',
      home: '../..',
      target: '/var/lang',
      alongside: ['/etc/toy-that-is-not-there'],
      nearest: 'newer',
      lookedFor: 'in the box',
      install: ['buy toy-${version}'],
    },
    artefacts: [
      {
        name: 'jar',
        place: 'lib',
        client: 'maven',
        files: [{ coordinates: COORDINATES, integrity, name: 'thing.jar' }],
      },
    ],
    argv: ['${interpreter}', '--heap=${memoryMb:0.85}', '${options}', '${runtimeDir}/main'],
    options: [
      { option: '--newer', sinceVersion: '2' },
      { option: '--older', belowVersion: '2' },
      { option: '--with-jar', whenFile: 'lib/thing.jar' },
      { option: '--without-jar', unlessFile: 'lib/thing.jar' },
      { option: '--unless', unless: { TOY_OPTIONS: '--no' } },
      { option: '--wrapped', whenSet: 'TOY_WRAPPER' },
    ],
    environment: {},
    overridable: [],
    prepare: ['${interpreter}', 'prepare', '${runtimeDir}/readied'],
    bootstrapFallback: [],
    ...more,
  };
}

describe('a runtime that is a folder', () => {
  let home: string;
  let families: string;
  let cacheDir: string;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  let asked: string[];
  const lines: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    answer(request, response);
  });
  const repository = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/maven`;
  const env = () => ({ HOME: home, PATH: '/nowhere' });

  before(() => new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve)));
  after(() => void server.close());
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'lambdad-obtain-'));
    families = join(home, 'families');
    cacheDir = join(home, 'cache');
    asked = [];
    lines.length = 0;
    answer = (request, response) => {
      if (request.url === JAR_PATH) response.end(JAR);
      else response.writeHead(404).end();
    };
    family(sha512(JAR));
    for (const version of ['1.0', '3.2']) toy(version);
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  function family(integrity: string, more: object = {}): void {
    mkdirSync(join(families, 'toy'), { recursive: true });
    writeFileSync(join(families, 'toy', 'runtime.json'), JSON.stringify(description(integrity, more)));
    writeFileSync(join(families, 'toy', 'main'), 'the bootstrap');
  }

  function toy(version: string): void {
    const path = join(home, 'toys', version, 'bin', 'toy');
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(
      path,
      `#!/bin/sh\nif [ "$1" = prepare ]; then echo ready >"$2"; else echo 'toy ${version}' >&2; fi\n`,
    );
    chmodSync(path, 0o755);
  }

  function obtain(identifier: string, more: { nearest?: boolean; mavenRepository?: string | undefined } = {}) {
    const match = matchRuntime(readRuntimeFamilies(families), identifier);
    assert.ok(match);
    return obtainRuntime(match, {
      cacheDir,
      nearest: false,
      mavenRepository: repository(),
      env: env(),
      progress: (line) => lines.push(line),
      ...more,
    });
  }

  it('finds the program, fetches the artefact, and readies a copy of the folder, each once', async () => {
    const [first, second] = await Promise.all([obtain('toy3'), obtain('toy3')]);
    assert.equal(first.directory, second.directory);
    assert.equal(first.interpreter?.path, '/var/lang/bin/toy');
    assert.equal(first.interpreter?.fullVersion, '3.2');
    assert.deepEqual(first.interpreter?.mounts, [{ source: join(home, 'toys', '3.2'), target: '/var/lang' }]);
    assert.equal(readFileSync(join(first.directory, 'lib', 'thing.jar'), 'utf8'), JAR);
    assert.equal(readFileSync(join(first.directory, 'main'), 'utf8'), 'the bootstrap');
    assert.equal(readFileSync(join(first.directory, 'readied'), 'utf8'), 'ready\n');
    assert.equal((await obtain('toy1')).interpreter?.fullVersion, '1.0');
    assert.deepEqual(asked, [JAR_PATH], 'fetched once for all versions');
    assert.ok(lines.includes('fetching jar of Toy (once) …') && lines.includes('jar of Toy is ready'), lines.join());
  });

  it('gives each version its options, and shares of the memory', async () => {
    const commandOf = async (identifier: string, variables: Record<string, string>, hasJar: boolean) => {
      const match = matchRuntime(readRuntimeFamilies(families), identifier);
      assert.ok(match);
      const values = { interpreter: 'toy', runtimeDir: '/r', memoryMb: '129' };
      return runtimeCommand({
        ...match,
        values,
        variables,
        hasFile: (name) => hasJar && name === 'lib/thing.jar',
      }).join(' ');
    };
    assert.equal(await commandOf('toy1', {}, false), 'toy --heap=109 --older --without-jar --unless /r/main');
    assert.equal(await commandOf('toy2', { TOY_OPTIONS: 'x --no' }, true), 'toy --heap=109 --newer --with-jar /r/main');
    const wrapped = 'toy --heap=109 --older --with-jar --unless --wrapped /r/main';
    assert.equal(await commandOf('toy1', { TOY_WRAPPER: '/w' }, true), wrapped);
    assert.ok(!(await commandOf('toy1', { TOY_WRAPPER: '' }, true)).includes('--wrapped'));
  });

  it('removes what was readied long ago for the same version', async () => {
    const old = (await obtain('toy3')).directory;
    const longAgo = new Date('2020-01-01');
    utimesSync(old, longAgo, longAgo);
    assert.equal((await obtain('toy3')).directory, old);
    assert.ok(statSync(old).mtime > longAgo, 'its use is noted');
    writeFileSync(join(families, 'toy', 'main'), 'another bootstrap');
    const recent = (await obtain('toy3')).directory;
    assert.deepEqual([existsSync(old), existsSync(recent)], [true, true]);
    utimesSync(old, longAgo, longAgo);
    writeFileSync(join(families, 'toy', 'main'), 'a third bootstrap');
    await obtain('toy3');
    assert.deepEqual([existsSync(old), existsSync(recent)], [false, true]);
  });

  it('says what installs a version that is not there, and takes only a newer one in its place', async () => {
    await assert.rejects(obtain('toy2'), (error: Error) => {
      assert.ok(error instanceof RuntimeMissing);
      assert.equal(
        error.message,
        'Toy 2 was not found in the box. Install it with "buy toy-2", or start lambdad with --nearest-runtime.',
      );
      return true;
    });
    const { interpreter, notes } = await obtain('toy2', { nearest: true });
    assert.equal(interpreter?.fullVersion, '3.2');
    assert.deepEqual(notes, ['Toy 2 was not found: running on 3 (--nearest-runtime)']);
    await assert.rejects(
      obtain('toy5', { nearest: true }),
      /^Error: Toy 5 was not found in the box\. Install it with "buy toy-5"\.$/,
    );
  });

  it('keeps nothing of an artefact whose digest differs', async () => {
    family(sha512('another jar'));
    await assert.rejects(obtain('toy1'), /jar of Toy could not be fetched: org\.example:thing:1\.0 is not what it was/);
    assert.deepEqual(readdirSync(join(cacheDir, 'artefacts')), []);
  });

  it('runs without an optional artefact, and says so', async () => {
    const { artefacts } = description(sha512(JAR));
    family('', { artefacts: artefacts.map((artefact) => ({ ...artefact, optional: true })) });
    const { directory, notes } = await obtain('toy1', { mavenRepository: undefined });
    assert.deepEqual(notes, [
      'jar of Toy could not be fetched: mvn, which fetches it, is not on the PATH. ' +
        'Install it with "apt-get install maven", or start lambdad with --maven-repository URL.',
    ]);
    assert.equal(existsSync(join(directory, 'lib')), false);
  });

  const children: ChildProcess[] = [];
  after(() => {
    for (const child of children) child.kill('SIGKILL');
  });

  /** The same by a process of its own, as another server would. */
  function elsewhere() {
    const script = fileURLToPath(new URL('obtain-once.ts', import.meta.url));
    const args = [script, families, cacheDir, repository(), 'toy1'];
    const child = spawn(process.execPath, args, { env: env(), stdio: ['pipe', 'pipe', 'inherit'] });
    children.push(child);
    const found = once(child.stdout, 'data').then(([chunk]) => String(chunk).trim());
    return { child, found };
  }

  it('outlives a server that is killed while it fetches', { timeout: 60_000 }, async () => {
    const { promise: reached, resolve } = Promise.withResolvers<void>();
    answer = (_request, response) => {
      response.write(JAR.slice(0, 5));
      resolve();
    };
    const { child } = elsewhere();
    await reached;
    child.kill('SIGKILL');
    await once(child, 'exit');
    answer = (_request, response) => response.end(JAR);
    const { directory } = await obtain('toy1');
    assert.equal(readFileSync(join(directory, 'lib', 'thing.jar'), 'utf8'), JAR);
  });

  it('is fetched by two servers at once, and both get it whole', { timeout: 60_000 }, async () => {
    const waiting: ServerResponse[] = [];
    answer = (_request, response) => {
      waiting.push(response);
      if (waiting.length === 2) for (const each of waiting) each.end(JAR);
    };
    const both = [elsewhere(), elsewhere()];
    const [one, other] = await Promise.all(both.map(({ found }) => found));
    assert.equal(one, other);
    assert.equal(readFileSync(join(one ?? '', 'lib', 'thing.jar'), 'utf8'), JAR);
    assert.deepEqual(readdirSync(join(cacheDir, 'artefacts')).length, 1, 'no work folder is left');
  });

  it('is not removed while a server uses it', { timeout: 60_000 }, async () => {
    const { child, found } = elsewhere();
    const place = await found;
    const use = new CacheUse(cacheDir);
    assert.deepEqual(use.users(place), [child.pid]);
    await assert.rejects(use.remove(place), FolderInUse);
    assert.ok(existsSync(place));
    child.stdin.end();
    await once(child, 'exit');
    const marks = () => readdirSync(join(cacheDir, 'in-use'));
    assert.equal(marks().length, 1);
    use.mark('/another');
    assert.equal(marks().length, 1, 'the mark of the process that is gone is gone');
    await use.remove(place);
    assert.equal(existsSync(place), false);
  });
});
