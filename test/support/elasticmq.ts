import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { skipUnless } from './requirement.ts';
import { sharedCacheDir } from './shared-cache.ts';

const POM = fileURLToPath(new URL('elasticmq/pom.xml', import.meta.url));
const FETCH_MS_MAX = 300_000;
const READY_MS_MAX = 60_000;
const POLL_MS = 100;

let jars: string | undefined | false;

/** The folder of its jars, fetched once by Maven; false without Maven, Java or Maven's repository. */
function elasticMqJars(): string | false {
  if (jars !== undefined) return jars;
  const folder = join(sharedCacheDir, 'elasticmq-1.6.12');
  if (!existsSync(folder)) {
    mkdirSync(dirname(folder), { recursive: true });
    const work = mkdtempSync(join(dirname(folder), 'elasticmq-'));
    const goal = ['--quiet', '--batch-mode', '--file', POM, 'dependency:copy-dependencies'];
    const options = ['-DincludeScope=runtime', `-DoutputDirectory=${join(work, 'jars')}`];
    const { status } = spawnSync('mvn', [...goal, ...options], { stdio: 'ignore', timeout: FETCH_MS_MAX });
    if (status === 0 && !existsSync(folder)) renameSync(join(work, 'jars'), folder);
    rmSync(work, { recursive: true, force: true });
  }
  const hasJava = spawnSync('java', ['-version'], { stdio: 'ignore' }).status === 0;
  jars = hasJava && existsSync(folder) ? folder : false;
  return jars;
}

/** The `skip` option of a test that needs ElasticMQ. */
export function skipWithoutElasticMq(): string | false {
  return skipUnless(elasticMqJars() !== false, 'needs java, and mvn to fetch ElasticMQ once (apt-get install maven)');
}

export interface ElasticMq {
  /** http://127.0.0.1:PORT: a server of SQS with the account 000000000000, empty. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts ElasticMQ on a free port and waits until it answers. It checks no signature. */
export async function startElasticMq(): Promise<ElasticMq> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'elasticmq-'));
  const settings = join(folder, 'settings.conf');
  writeFileSync(
    settings,
    `include classpath("application.conf")
node-address { protocol = http, host = "127.0.0.1", port = ${port}, context-path = "" }
rest-sqs { enabled = true, bind-port = ${port}, bind-hostname = "127.0.0.1", sqs-limits = strict }
rest-stats { enabled = false }
aws { region = us-east-1, accountId = 000000000000 }
`,
  );
  const flags = ['-XX:TieredStopAtLevel=1', '-Xmx256m', `-Dconfig.file=${settings}`];
  const classes = ['-cp', join(elasticMqJars() || '', '*'), 'org.elasticmq.server.Main'];
  const child = spawn('java', [...flags, ...classes], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const killWithTest = () => child.kill('SIGKILL');
  process.once('exit', killWithTest);
  const stop = async () => {
    child.kill('SIGKILL');
    await exited;
    process.removeListener('exit', killWithTest);
    rmSync(folder, { recursive: true, force: true });
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    await listening(child, url);
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function listening(child: ChildProcess, url: string): Promise<void> {
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-10_000);
    });
  for (const giveUpAt = performance.now() + READY_MS_MAX; performance.now() < giveUpAt; ) {
    if (child.exitCode !== null) break;
    if (await fetch(url).catch(() => undefined)) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`ElasticMQ did not start:\n${output}`);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { readonly port: number };
      server.close(() => resolve(port));
    });
  });
}
