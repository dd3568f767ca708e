/**
 * The runtimes that the shared suite runs over. One entry a runtime: how to make its function, which does what its
 * event says (`do`), and in what its language differs. The functions themselves are in `shared-functions`, `go`, `rust`.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CreateFunctionCommandInput } from '@aws-sdk/client-lambda';
import { machinePrograms } from '../../src/runtimes/machine-programs.ts';
import { extent } from '../proof/extent.ts';
import { skipUnless } from '../support/requirement.ts';
import { type ZipEntry, zipOf } from '../support/zip.ts';
import { GO_BUILD_MS_MAX, goBootstrap, skipWithoutGo } from './go-program.ts';
import { RUST_BUILD_MS_MAX, rustBootstrap, skipWithoutRust } from './rust-program.ts';
import { javaClasses, skipWithoutJavac } from './shared-java.ts';

export type Files = Readonly<Record<string, ZipEntry>>;
export type RuntimeName = NonNullable<CreateFunctionCommandInput['Runtime']>;

export interface SharedRuntime {
  /** What the suite calls it. */
  readonly title: string;
  readonly runtime: string;
  readonly handler: string;
  readonly skip: string | false;
  /** How long making the files, or fetching the runtime, may take. */
  readonly readyMsMax: number;
  readonly files: () => Promise<Files>;
  /** AWS_EXECUTION_ENV; undefined for runtimes that the function brings along, which no wrapper starts either. */
  readonly executionEnvironment?: string;
  /** The payload of `fail`. */
  readonly failure: (message: string) => Failure;
  /** Files of a layer in which the language finds `of-a-layer` by itself, for `library`; absent: it has no such place. */
  readonly library?: () => Promise<Files>;
}

export interface Failure {
  readonly errorType: string;
  readonly errorMessage: string;
  /** Members beside those two. */
  readonly more: readonly string[];
}

/**
 * In full: the oldest and the newest, and each from which on something is different (18: the SDK and
 * imports, 22: hooks within the thread, 24: no callbacks). The versions between them are met by versions.test.ts.
 */
export const nodeMajors = extent === 'reduced' ? [24] : [12, 18, 22, 24, 26];
const FETCH_MS_MAX = 300_000;

function source(name: string): string {
  return readFileSync(join(import.meta.dirname, 'shared-functions', name), 'utf8');
}

const nodes = nodeMajors.map(
  (major): SharedRuntime => ({
    title: `nodejs${major}.x`,
    runtime: `nodejs${major}.x`,
    handler: 'app.handler',
    skip: false,
    readyMsMax: FETCH_MS_MAX,
    files: async () => ({ 'app.js': source('app.js') }),
    executionEnvironment: `AWS_Lambda_nodejs${major}.x`,
    failure: (errorMessage) => ({ errorType: 'RangeError', errorMessage, more: ['trace'] }),
    library: async () => ({ 'nodejs/node_modules/of-a-layer/index.js': "module.exports = 'found in a layer';" }),
  }),
);

/** In full every Python, else the newest. */
const pythonsFound = (await machinePrograms('python', process.env).known()).filter(
  (_python, at, all) => extent !== 'reduced' || at === all.length - 1,
);
export const pythonVersions = pythonsFound.length === 0 ? ['3.13'] : pythonsFound.map(({ version }) => version);
export const skipWithoutPython = skipUnless(pythonsFound.length > 0, 'needs a Python that Lambda has a runtime for');

const pythons = pythonVersions.map(
  (version): SharedRuntime => ({
    title: `python${version}`,
    runtime: `python${version}`,
    handler: 'app.handler',
    skip: skipWithoutPython,
    readyMsMax: FETCH_MS_MAX,
    files: async () => ({ 'app.py': source('app.py') }),
    executionEnvironment: `AWS_Lambda_python${version}`,
    failure: (errorMessage) => ({
      errorType: 'ArithmeticError',
      errorMessage,
      // python3.8 leaves the request's id out.
      more: version === '3.8' ? ['stackTrace'] : ['requestId', 'stackTrace'],
    }),
    library: async () => ({ 'python/of_a_layer.py': "name = 'found in a layer'\n" }),
  }),
);

/** In full every Java that is there, for its first identifier, else the oldest. */
const javasFound = (await machinePrograms('java', process.env).known()).filter(
  (_java, at) => extent !== 'reduced' || at === 0,
);

const javas = javasFound.map(({ version }): SharedRuntime => {
  const runtime = version === '8' ? 'java8.al2' : `java${version}`;
  return {
    title: runtime,
    runtime,
    handler: 'App::handle',
    skip: skipWithoutJavac,
    readyMsMax: FETCH_MS_MAX,
    files: async () => ({ 'App.class': (await javaClasses()).App }),
    executionEnvironment: `AWS_Lambda_${runtime}`,
    failure: (errorMessage) => ({ errorType: 'java.lang.ArithmeticException', errorMessage, more: ['stackTrace'] }),
    library: async () => ({
      'java/lib/library.jar': await zipOf({ 'OfALayer.class': (await javaClasses()).OfALayer }),
    }),
  };
});

/** The newest Ruby; where that is none of a runtime's version, the server is told to let the nearest stand in. */
const rubies = machinePrograms('ruby', process.env);
const rubyVersion = (await rubies.known()).at(-1)?.version ?? '3.4';

const ruby: SharedRuntime = {
  title: `ruby${rubyVersion}`,
  runtime: `ruby${rubyVersion}`,
  handler: 'app.handler',
  skip: skipUnless((await rubies.all()).length > 0, 'needs Ruby'),
  readyMsMax: FETCH_MS_MAX,
  files: async () => ({ 'app.rb': source('app.rb') }),
  executionEnvironment: `AWS_Lambda_ruby${rubyVersion}`,
  failure: (errorMessage) => ({ errorType: 'Function<RangeError>', errorMessage, more: ['stackTrace'] }),
  library: async () => ({ 'ruby/lib/of_a_layer.rb': "module OfALayer\n  NAME = 'found in a layer'\nend\n" }),
};

const go: SharedRuntime = {
  title: 'Go, aws-lambda-go on provided.al2023',
  runtime: 'provided.al2023',
  handler: 'bootstrap',
  skip: skipWithoutGo,
  readyMsMax: GO_BUILD_MS_MAX,
  files: async () => ({ bootstrap: { content: await goBootstrap(), mode: 0o755 } }),
  failure: (errorMessage) => ({ errorType: 'errorString', errorMessage, more: [] }),
};

const rust: SharedRuntime = {
  title: 'Rust, lambda_runtime on provided.al2023',
  runtime: 'provided.al2023',
  handler: 'bootstrap',
  skip: skipWithoutRust,
  readyMsMax: RUST_BUILD_MS_MAX,
  files: async () => ({ bootstrap: { content: await rustBootstrap(), mode: 0o755 } }),
  failure: (errorMessage) => ({
    errorType: '&alloc::boxed::Box<dyn core::error::Error + core::marker::Send + core::marker::Sync>',
    errorMessage,
    more: [],
  }),
};

export const sharedRuntimes: readonly SharedRuntime[] = [...nodes, ...pythons, ...javas, ruby, go, rust];
