/**
 * The bootstrap of the managed Node runtimes: loads the handler, then answers one event after the other.
 *
 * Deliberate differences from AWS's own client: an event that is no JSON fails its invocation instead of the process;
 * an unfinished stream that user code destroyed still carries its error to the caller; managed instances (several
 * invocations at a time) are not served.
 */

'use strict';

const { existsSync, fstatSync } = require('fs');
const { enableCompileCache } = require('module');
const { Client } = require('./client.cjs');
const { patchConsole } = require('./console.cjs');
const { contextMaker } = require('./context.cjs');
const { failureOf, runtimeError } = require('./errors.cjs');
const { exposeGc } = require('./garbage.cjs');
const { loadHandler, streamifyResponse } = require('./handler.cjs');
const { HttpResponseStream } = require('./http-response-stream.cjs');
const { awaitingInvoker, callbackInvoker } = require('./invocation.cjs');
const { InvokeStore, invokeContext } = require('./invoke-store.cjs');
const { hasCheapHooks, importFromNodePath } = require('./node-path-imports.cjs');

/** Everything in which nodejs18.x to nodejs22.x differ from nodejs24.x and later. */
const behaviours = {
  callbacks: {
    callbacks: true,
    importsFirst: false,
    looksIntoDefaultExport: false,
    callbackError: undefined,
    takesErrorLike: true,
    plainErrorNames: false,
    namesStringifyError: false,
    traceIdInContext: false,
    invokeStore: false,
    catchesUncaught: true,
    initErrorTitle: 'Uncaught Exception',
  },
  promises: {
    callbacks: false,
    importsFirst: true,
    looksIntoDefaultExport: true,
    callbackError:
      'ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function to use a supported handler signature to use Node.js 24 or later. For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.',
    takesErrorLike: false,
    plainErrorNames: true,
    namesStringifyError: true,
    traceIdInContext: true,
    invokeStore: true,
    catchesUncaught: false,
    initErrorTitle: 'Init Error',
  },
};
const firstMajorWithoutCallbacks = 24;
const nodeMajor = Number.parseInt(process.versions.node, 10);
const behaviour = nodeMajor < firstMajorWithoutCallbacks ? behaviours.callbacks : behaviours.promises;

/** Where lambdad's sandboxes have a connection to the Runtime API that stands. */
const channelDescriptor = 4;
/** Where only what runs in a sandbox has its runtime, and the platform's mount for compiled code. */
const sandboxRuntimeDir = '/var/runtime';
const compiledFolder = '/var/cache';

const exitCodes = { platformLost: 1, unhandledRejection: 128, uncaughtException: 129 };
const requestIdKey = Symbol.for('aws.lambda.runtime.requestId');

const { env } = process;
const store = behaviour.invokeStore ? new InvokeStore() : undefined;
let client;
/** A connection of before it was known for which function. */
let standing;
let logError;
let runningId;
let runningTenantId;
let onEmptyLoop = () => {};
let exitCode;

/**
 * One invocation of each of the modules `rehearsed` in `folder`, the last of them with the Runtime API at `address`. What
 * is set for it is set anew by run().
 */
async function rehearseWith(address, folder) {
  client = new Client(address, () => {});
  patchConsole(
    () => undefined,
    () => undefined,
  );
  importFromNodePath();
  let loaded;
  // Where hooks of imports take a thread, a function that imports nothing has none.
  const names = hasCheapHooks ? ['rehearsed', 'rehearsed-common'] : ['rehearsed-common'];
  for (const name of names) loaded = await loadHandler(behaviour, folder, `${name}.handler`);
  const invoke = invokerFor(loaded);
  client.start((headers, body) => {
    enter(invoke, headers, body);
    runningId = undefined;
    runningTenantId = undefined;
    delete globalThis[requestIdKey];
    if (store !== undefined) store.run(undefined, () => {});
    onEmptyLoop = () => {};
  }, loaded.streaming);
}

/** Connects to the Runtime API that run() is going to use. Resolves when the connection stands. */
async function connectBeforehand(address) {
  standing = connect(address);
  await standing.connected();
}

function connect(address) {
  const lost = (reason) => {
    if (exitCode === undefined) process.stderr.write(`The Lambda Runtime API is gone: ${reason}.\n`);
    process.exit(exitCode === undefined ? exitCodes.platformLost : exitCode);
  };
  return new Client(address, lost, channelOf());
}

/** lambdad gives a runtime a connection to its Runtime API that stands; any other platform has nothing at its descriptor. */
function channelOf() {
  try {
    return fstatSync(channelDescriptor).isSocket() ? channelDescriptor : undefined;
  } catch {
    return undefined;
  }
}

/** Loads the handler and asks for the first event; what follows is driven by the answers. */
async function run() {
  client = standing || connect(env.AWS_LAMBDA_RUNTIME_API);
  // A function finds the same while it is loaded, whenever its process began.
  if (standing === undefined) await client.connected();
  exposeGc();
  setGlobals();
  const requestId = store === undefined ? () => globalThis[requestIdKey] : () => store.getRequestId();
  logError = patchConsole(requestId, () => runningTenantId);
  if (behaviour.callbacks) process.on('beforeExit', () => onEmptyLoop());
  if (behaviour.catchesUncaught) catchUncaught();

  useCompiled();
  importFromNodePath();
  let loaded;
  try {
    loaded = await loadHandler(behaviour, env.LAMBDA_TASK_ROOT, env._HANDLER || '');
  } catch (error) {
    await failInit(error);
    return;
  }
  const invoke = invokerFor(loaded);
  client.start((headers, body, isString) => enter(invoke, headers, body, isString), loaded.streaming);
}

/** Node looks where the platform may have put what it has compiled of this function beforehand. */
function useCompiled() {
  if (enableCompileCache === undefined || env.LAMBDA_RUNTIME_DIR !== sandboxRuntimeDir) return;
  if (env.NODE_COMPILE_CACHE || env.NODE_DISABLE_COMPILE_CACHE) return;
  if (existsSync(`${compiledFolder}/compiled`)) enableCompileCache(compiledFolder);
}

function enter(invoke, headers, body, isString) {
  runningId = headers['lambda-runtime-aws-request-id'];
  runningTenantId = headers['lambda-runtime-aws-tenant-id'];
  const traceId = headers['lambda-runtime-trace-id'];
  if (traceId) env._X_AMZN_TRACE_ID = traceId;
  else delete env._X_AMZN_TRACE_ID;
  if (store === undefined) {
    globalThis[requestIdKey] = runningId;
    invoke(runningId, headers, body, isString);
  } else {
    store.run(invokeContext(headers), () => invoke(runningId, headers, body, isString));
  }
}

function invokerFor({ handler, streaming, highWaterMark }) {
  const makeContext = contextMaker(behaviour);
  const onIdle = (action) => {
    onEmptyLoop = action;
  };
  const parts = { behaviour, client, handler, highWaterMark, makeContext, logError, onIdle };
  if (streaming) return require('./streaming.cjs').streamingInvoker(parts);
  return behaviour.callbacks ? callbackInvoker(parts) : awaitingInvoker(parts);
}

/** Posts the init error and ends the process: with AWS's exit code, or from Node 24 on as an uncaught error does. */
async function failInit(error) {
  logError(behaviour.initErrorTitle, error);
  if (behaviour.catchesUncaught) {
    failAndExit(error, exitCodes.uncaughtException);
    return;
  }
  await new Promise((answered) => client.failLast(undefined, failureOf(behaviour, error), answered));
  client.release();
  throw error;
}

function catchUncaught() {
  process.on('uncaughtException', (error) => {
    logError('Uncaught Exception', error);
    failAndExit(error, exitCodes.uncaughtException);
  });
  process.on('unhandledRejection', (reason, promise) => {
    const error = runtimeError(behaviour, 'UnhandledPromiseRejection', String(reason));
    Object.assign(error, { reason, promise });
    logError('Unhandled Promise Rejection', error);
    failAndExit(error, exitCodes.unhandledRejection);
  });
}

/** Between invocations, or with a streamed result under way, nobody waits for the error: then the exit tells it all. */
function failAndExit(error, code) {
  if (exitCode !== undefined) return;
  exitCode = code;
  if (client.awaitsAnswer) process.exit(code);
  client.failLast(runningId, failureOf(behaviour, error), () => process.exit(code));
}

function setGlobals() {
  if (env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA === '1' || env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA === 'true') return;
  globalThis.awslambda = { streamifyResponse, HttpResponseStream };
  if (store !== undefined) globalThis.awslambda.InvokeStore = store;
}

module.exports = { connectBeforehand, rehearseWith, run };
