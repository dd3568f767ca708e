// Readies a copy of this folder for one JDK, once: `prepare.mjs JAVA JAVA_INSIDE`, in that folder. JAVA is the program on
// this machine, JAVA_INSIDE its path in a sandbox.
//
// 1. The runtime interface client's native library is taken out of its jar: it would unpack itself into the function's
//    /tmp at each start.
// 2. The JDK's class data sharing gets an archive of the classes that the client loads, which halves a start. A JDK
//    believes an archive only where the class path has the names it had when the archive was made, so that is done in a
//    mount namespace in which this folder is /var/runtime. Where there can be none there is no archive.
// 3. What can wait at a gate (start/) is compiled. A JRE without a compiler has none: its processes begin with Amazon's
//    client, and none waits.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { inflateRawSync } from 'node:zlib';

const LIBRARY = 'lib/libaws-lambda-jni.so';
const ARCHIVE = 'runtime.jsa';
const CLASS_LIST = 'classes.list';
const JARS = ['core', 'ric', 'serialization', 'utils-lite'];
const CLIENT = 'com.amazonaws.services.lambda.runtime.api.client';
const START_JAR = 'lib/start.jar';
const START = 'lambdad.Start';
/** The oldest JDK that has archives, and processes that wait. */
const MAJOR_MIN = 11;
const STEP_MS_MAX = 25_000;
/**
 * Methods of the JDK's, each with an event: so the client loads what handlers of any value, of maps, lists and strings make
 * it load.
 */
const HANDLERS = [
  ['java.util.Objects::isNull', '{"a":["b",1]}'],
  ['java.util.Collections::unmodifiableMap', '{"a":["b",1]}'],
  ['java.util.Collections::unmodifiableList', '["a",{"b":1}]'],
  ['java.lang.String::concat', '"a"'],
];
const LOG_DESCRIPTOR = 3;
/**
 * Besides, what it takes to load a handler from a folder, and to answer with values of more than one class. A JDK passes
 * over those that it does not have.
 */
const LISTED_CLASSES = [
  'com/amazonaws/lambda/thirdparty/com/fasterxml/jackson/databind/ser/impl/PropertySerializerMap$Double',
  'com/amazonaws/lambda/thirdparty/com/fasterxml/jackson/databind/ser/impl/PropertySerializerMap$TypeAndSerializer',
  'com/amazonaws/services/lambda/runtime/api/client/EventHandlerLoader$ClassContext',
  'com/amazonaws/services/lambda/runtime/api/client/EventHandlerLoader$PojoHandlerAsStreamHandler',
  'java/io/FilePermission',
  'java/io/FilePermission$1',
  'java/io/FilePermissionCollection',
  'java/io/FilePermissionCollection$1',
  'java/net/URLClassLoader$1',
  'java/net/URLConnection',
  'java/util/Vector',
  'jdk/internal/access/JavaIOFilePermissionAccess',
  'jdk/internal/loader/URLClassPath$FileLoader$1',
  'sun/net/www/MessageHeader',
  'sun/net/www/URLConnection',
  'sun/net/www/protocol/file/FileURLConnection',
  'sun/security/util/FilePermCompat',
  'sun/security/util/SecurityProperties',
];

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

function compileStart(java) {
  const program = (name) => join(dirname(java), name);
  const run = (name, ...args) =>
    spawnSync(program(name), args, { stdio: 'ignore', timeout: STEP_MS_MAX, killSignal: 'SIGKILL' }).status === 0;
  const sources = (folder) => readdirSync(folder).map((name) => `${folder}/${name}`);
  // Without the machinery of invokedynamic for texts, which takes milliseconds to begin with.
  const options = ['--release', String(MAJOR_MIN), '-nowarn', '-XDstringConcat=inline', '-cp', classPath('.')];
  const compiled = 'compiled';
  const isMade =
    existsSync(program('javac')) &&
    run('javac', ...options, '-d', compiled, ...sources('start/lambdad')) &&
    run('javac', ...options, '-d', 'rehearsal', ...sources('start/rehearsal')) &&
    run('jar', '--create', '--file', START_JAR, '-C', compiled, '.');
  if (!isMade) rmSync(START_JAR, { force: true });
  rmSync(compiled, { recursive: true, force: true });
}

function classPath(directory) {
  const jars = JARS.map((jar) => `${directory}/lib/${jar}.jar`);
  return [...jars, ...(existsSync(START_JAR) ? [`${directory}/${START_JAR}`] : [])].join(':');
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

/** Runs the client for each handler and has the JDK write down what it loads. */
async function listClasses(java, major) {
  const lines = new Set(LISTED_CLASSES);
  // At a gate behind which there is no function a process has rehearsed, and ends.
  const atGate = existsSync(START_JAR) ? [['', '', { _LAMBDAD_GATE: '/dev/null' }]] : [];
  for (const [handler, event, env] of [...atGate, ...HANDLERS]) {
    await runOnce(java, major, handler, event, env);
    for (const line of existsSync(CLASS_LIST) ? readFileSync(CLASS_LIST, 'utf8').split('\n') : []) {
      // The numbers are those of one run, and name what classes outside the class path are made of.
      if (line !== '' && !line.startsWith('#') && !line.includes(' source: ')) lines.add(line.replace(/ id: \d+$/, ''));
    }
    rmSync(CLASS_LIST, { force: true });
  }
  writeFileSync(CLASS_LIST, `${[...lines].join('\n')}\n`);
}

/** Resolves when the client has answered, or has come to nothing. */
async function runOnce(java, major, handler, event, given = {}) {
  const directory = process.cwd();
  let events = 0;
  await new Promise((resolve) => {
    let child;
    const api = createServer((request, response) => {
      request.resume().on('end', () => {
        if (!request.url.endsWith('/next')) return response.writeHead(202).end('{}');
        if (events++ > 0) return child.kill('SIGKILL');
        const deadline = String(Date.now() + STEP_MS_MAX);
        const headers = { 'lambda-runtime-aws-request-id': '1', 'lambda-runtime-deadline-ms': deadline };
        response.writeHead(200, { ...headers, 'content-type': 'application/json' }).end(event);
      });
    });
    const done = () => {
      api.closeAllConnections();
      api.close(resolve);
    };
    api.listen(0, '127.0.0.1', () => {
      const env = { ...given, AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${api.address().port}`, _HANDLER: handler };
      for (const name of ['NAME', 'VERSION', 'MEMORY_SIZE']) env[`AWS_LAMBDA_FUNCTION_${name}`] = '128';
      for (const name of ['GROUP_NAME', 'STREAM_NAME']) env[`AWS_LAMBDA_LOG_${name}`] = 'log';
      // As in a sandbox, where records go to a descriptor of their own.
      env['_LAMBDA_TELEMETRY_LOG_FD'] = String(LOG_DESCRIPTOR);
      const property = `-D${CLIENT}.runtimeapi.NativeClient.JNI=${directory}/${LIBRARY}`;
      const main = existsSync(START_JAR) ? [START] : [`${CLIENT}.AWSLambda`, handler];
      const list = ['-Xshare:off', `-XX:DumpLoadedClassList=${directory}/${CLASS_LIST}`];
      const args = [...list, ...options(major, directory), property, ...main];
      const stdio = ['ignore', 'ignore', 'ignore', 'ignore'];
      child = spawn(java, args, { env, stdio, timeout: STEP_MS_MAX, killSignal: 'SIGKILL' });
      child.once('error', done).once('exit', done);
    });
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
if (major >= MAJOR_MIN) {
  compileStart(java);
  await listClasses(java, major);
  makeArchive(java, inside, major);
  rmSync(CLASS_LIST, { force: true });
}
process.exit(0);
