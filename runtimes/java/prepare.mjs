// Readies a copy of this folder for one JDK, once: `prepare.mjs JAVA JAVA_INSIDE`, in that folder. JAVA is the program on
// this machine, JAVA_INSIDE its path in a sandbox.
//
// 1. The runtime interface client's native library is taken out of its jar: it would unpack itself into the function's
//    /tmp at each start.
// 2. The JDK's class data sharing gets an archive of the classes that the client loads, which halves a start. A JDK
//    believes an archive only where the class path has the names it had when the archive was made, so that is done in a
//    mount namespace in which this folder is /var/runtime. Where there can be none there is no archive.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname } from 'node:path';
import { inflateRawSync } from 'node:zlib';

const LIBRARY = 'lib/libaws-lambda-jni.so';
const ARCHIVE = 'runtime.jsa';
const CLASS_LIST = 'classes.list';
const JARS = ['core', 'ric', 'serialization', 'utils-lite'];
const MAIN = 'com.amazonaws.services.lambda.runtime.api.client.AWSLambda';
const STEP_MS_MAX = 25_000;
/** A method of the JDK's that can be called with any event: so the client loads what a function makes it load. */
const HANDLER = 'java.util.Objects::isNull';

/** The file of that name in a jar, or undefined. The central directory at its end leads to it. */
function entryOf(jar, name) {
  const end = jar.lastIndexOf(Buffer.from('PK\u0005\u0006'));
  let at = jar.readUInt32LE(end + 16);
  for (let left = jar.readUInt16LE(end + 10); left > 0; left--) {
    const nameBytes = jar.readUInt16LE(at + 28);
    if (jar.toString('utf8', at + 46, at + 46 + nameBytes) === name) {
      const local = jar.readUInt32LE(at + 42);
      const start = local + 30 + jar.readUInt16LE(local + 26) + jar.readUInt16LE(local + 28);
      const bytes = jar.subarray(start, start + jar.readUInt32LE(at + 20));
      return jar.readUInt16LE(at + 10) === 0 ? bytes : inflateRawSync(bytes);
    }
    at += 46 + nameBytes + jar.readUInt16LE(at + 30) + jar.readUInt16LE(at + 32);
  }
  return undefined;
}

function takeOutLibrary() {
  const system = process.report.getReport().header.glibcVersionRuntime === undefined ? 'linux_musl' : 'linux';
  const machine = process.arch === 'arm64' ? 'aarch_64' : 'x86_64';
  const library = entryOf(readFileSync('lib/ric.jar'), `jni/libaws-lambda-jni.${system}-${machine}.so`);
  if (library && process.platform === 'linux') writeFileSync(LIBRARY, library, { mode: 0o755 });
}

function classPath(directory) {
  return JARS.map((jar) => `${directory}/lib/${jar}.jar`).join(':');
}

/** Options that the archive has to agree with: those of runtime.json. */
function options(major, directory) {
  return [
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '--add-opens=java.base/java.io=ALL-UNNAMED',
    ...(major >= 22 ? ['--enable-native-access=ALL-UNNAMED'] : []),
    '-classpath',
    classPath(directory),
  ];
}

/** Runs the client for one event and has the JDK write down what it loads. Resolves when that is done. */
async function listClasses(java, major) {
  const directory = process.cwd();
  let events = 0;
  await new Promise((resolve) => {
    const api = createServer((request, response) => {
      request.resume().on('end', () => {
        if (!request.url.endsWith('/next')) return response.writeHead(202).end('{}');
        if (events++ > 0) return child.kill('SIGKILL');
        const deadline = String(Date.now() + STEP_MS_MAX);
        const headers = { 'lambda-runtime-aws-request-id': '1', 'lambda-runtime-deadline-ms': deadline };
        response.writeHead(200, { ...headers, 'content-type': 'application/json' }).end('{"a":["b",1]}');
      });
    });
    let child;
    api.listen(0, '127.0.0.1', () => {
      const env = { AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${api.address().port}`, _HANDLER: HANDLER };
      for (const name of ['NAME', 'VERSION', 'MEMORY_SIZE']) env[`AWS_LAMBDA_FUNCTION_${name}`] = '128';
      for (const name of ['GROUP_NAME', 'STREAM_NAME']) env[`AWS_LAMBDA_LOG_${name}`] = 'log';
      const property = `-D${MAIN.replace('AWSLambda', 'runtimeapi.NativeClient.JNI')}=${directory}/${LIBRARY}`;
      const list = ['-Xshare:off', `-XX:DumpLoadedClassList=${directory}/${CLASS_LIST}`];
      const args = [...list, ...options(major, directory), property, MAIN, HANDLER];
      child = spawn(java, args, { env, stdio: 'ignore', timeout: STEP_MS_MAX, killSignal: 'SIGKILL' });
      child.once('error', resolve).once('exit', resolve);
    });
    api.once('close', resolve);
  });
}

/** In this folder, which stays reachable by `.` when /var is covered. $1: the JDK's folder, or empty when it is seen. */
const IN_NAMESPACE = `mount -t tmpfs tmpfs /var && mkdir /var/runtime /var/lang && mount --bind . /var/runtime || exit 1
if [ -n "$1" ]; then mount --bind "$1" /var/lang || exit 1; fi
shift; cd /var/runtime && exec "$@"`;

function makeArchive(java, inside, major) {
  const home = java === inside ? '' : dirname(dirname(java));
  const dump = ['-Xshare:dump', `-XX:SharedClassListFile=/var/runtime/${CLASS_LIST}`];
  const command = [inside, ...dump, `-XX:SharedArchiveFile=/var/runtime/${ARCHIVE}`, ...options(major, '/var/runtime')];
  // An ordinary user gets the right to mount in a user namespace.
  const user = process.getuid() === 0 ? [] : ['--map-root-user'];
  const { status } = spawnSync('unshare', [...user, '--mount', 'sh', '-c', IN_NAMESPACE, 'sh', home, ...command], {
    stdio: 'ignore',
    timeout: STEP_MS_MAX,
    killSignal: 'SIGKILL',
  });
  if (status !== 0) rmSync(ARCHIVE, { force: true });
}

const [java, inside, version] = process.argv.slice(2);
const major = Number(version.split('.')[0]);
takeOutLibrary();
// JDK 8 has no archives of classes that are not its own.
if (major >= 11) {
  await listClasses(java, major);
  makeArchive(java, inside, major);
  rmSync(CLASS_LIST, { force: true });
}
process.exit(0);
