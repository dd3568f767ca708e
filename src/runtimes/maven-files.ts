import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ClientMissing, runClient } from './client-run.ts';
import type { MavenFile } from './description.ts';

/** No jar of a runtime is larger. */
const JAR_BYTES_MAX = 67_108_864;
const DOWNLOAD_MS_MAX = 300_000;

export interface MavenOptions {
  /** URL of a Maven repository, for machines without `mvn`. */
  readonly mavenRepository?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Puts jars into `directory` under their names: from Maven's own store where they are there already, by `mvn` where there
 * is one, else from the repository that is named. Each is checked against its digest.
 */
export async function fetchMavenFiles(
  files: readonly MavenFile[],
  directory: string,
  { mavenRepository, env }: MavenOptions,
): Promise<void> {
  const stored = files.map((file) => join(env['HOME'] || homedir(), '.m2', 'repository', pathOf(file)));
  const source = stored.every((path) => existsSync(path))
    ? stored
    : await downloaded(files, directory, mavenRepository, env);
  for (const [at, file] of files.entries()) {
    const path = join(directory, file.name);
    await copyFile(source[at] ?? '', path);
    await check(path, file);
  }
  await rm(workOf(directory), { recursive: true, force: true });
}

function workOf(directory: string): string {
  return join(directory, 'maven');
}

async function downloaded(
  files: readonly MavenFile[],
  directory: string,
  repository: string | undefined,
  env: MavenOptions['env'],
): Promise<string[]> {
  const work = workOf(directory);
  await mkdir(work);
  try {
    await byMaven(files, work, env);
  } catch (error) {
    if (!(error instanceof ClientMissing)) throw error;
    if (repository === undefined)
      throw new Error(
        'mvn, which fetches it, is not on the PATH. Install it with "apt-get install maven", or start lambdad with --maven-repository URL.',
      );
    for (const file of files)
      await download(new URL(pathOf(file), `${repository.replace(/\/$/, '')}/`), join(work, jarOf(file)));
  }
  return files.map((file) => join(work, jarOf(file)));
}

async function byMaven(files: readonly MavenFile[], work: string, env: MavenOptions['env']): Promise<void> {
  const dependencies = files.map(({ coordinates }) => {
    const [group, artifact, version, classifier] = coordinates.split(':');
    const classified = classifier === undefined ? '' : `<classifier>${classifier}</classifier>`;
    return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version>${classified}</dependency>`;
  });
  const project = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>runtime</groupId><artifactId>runtime</artifactId><version>1</version>
<dependencies>${dependencies.join('')}</dependencies></project>`;
  await writeFile(join(work, 'pom.xml'), project);
  const goal = ['dependency:copy-dependencies', '-DexcludeTransitive=true', `-DoutputDirectory=${work}`];
  await runClient('mvn', ['-q', '-B', ...goal], work, env);
}

async function download(url: URL, path: string): Promise<void> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_MS_MAX) });
  if (!answer.ok || !answer.body) throw new Error(`${url.host} answered ${answer.status} for ${url.pathname}`);
  let bytes = 0;
  const bounded = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      done(bytes > JAR_BYTES_MAX ? new Error(`${url.pathname} is too large`) : null, chunk);
    },
  });
  await pipeline(Readable.fromWeb(answer.body), bounded, createWriteStream(`${path}.part`));
  await rename(`${path}.part`, path);
}

async function check(path: string, { coordinates, integrity }: MavenFile): Promise<void> {
  const [algorithm = '', expected = ''] = integrity.split(/-(.*)/s);
  const hash = createHash(algorithm);
  await pipeline(createReadStream(path), hash);
  if (hash.digest('base64') !== expected)
    throw new Error(`${coordinates} is not what it was: its ${algorithm} digest differs`);
}

function jarOf({ coordinates }: MavenFile): string {
  const [, artifact, version, classifier] = coordinates.split(':');
  return `${[artifact, version, ...(classifier === undefined ? [] : [classifier])].join('-')}.jar`;
}

function pathOf(file: MavenFile): string {
  const [group = '', artifact = '', version = ''] = file.coordinates.split(':');
  return [...group.split('.'), artifact, version, jarOf(file)].join('/');
}
