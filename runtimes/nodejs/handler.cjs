/** From the handler string to the function: where AWS's Node runtimes look, and what they say when nothing is there. */

'use strict';

const { existsSync, readFileSync } = require('fs');
const { createRequire } = require('module');
const path = require('path');
const { pathToFileURL } = require('url');
const { runtimeError } = require('./errors.cjs');
const { importModuleFromNodePath } = require('./node-path-imports.cjs');

const streamingMark = Symbol.for('aws.lambda.runtime.handler.streaming');
const highWaterMarkMark = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark');
const parametersOfCallbackHandlers = 3;

/** Modules are required from the entry module, so that the require stack in an error names index.mjs as on AWS. */
const requireForUser = createRequire(path.join(__dirname, 'index.mjs'));

/**
 * Loads what the handler string names.
 *
 * @returns {Promise<{ handler: Function, streaming: boolean, highWaterMark: number | undefined }>}
 * @throws Runtime.MalformedHandlerName, Runtime.ImportModuleError, Runtime.UserCodeSyntaxError, Runtime.HandlerNotFound,
 *   Runtime.CallbackHandlerDeprecated, Runtime.MalformedStreamingHandler, or whatever the module throws
 */
async function loadHandler(behaviour, taskRoot, handlerString) {
  if (handlerString.includes('..')) {
    const message = `'${handlerString}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`;
    throw runtimeError(behaviour, 'MalformedHandlerName', message);
  }
  const name = path.basename(handlerString);
  const folder = handlerString.slice(0, handlerString.indexOf(name));
  const parts = /^([^.]*)\.(.*)$/.exec(name);
  if (parts === null) throw runtimeError(behaviour, 'MalformedHandlerName', 'Bad handler');

  const module = await loadModule(behaviour, taskRoot, folder, parts[1]);
  const handler = findHandler(behaviour, module, parts[2], handlerString);
  const streaming = isStreaming(behaviour, handler);
  if (behaviour.callbackError !== undefined && !streaming && handler.length >= parametersOfCallbackHandlers) {
    throw runtimeError(behaviour, 'CallbackHandlerDeprecated', behaviour.callbackError);
  }
  return { handler, streaming, highWaterMark: highWaterMarkOf(handler) };
}

/** The `awslambda` global's part that marks a handler as streaming. */
function streamifyResponse(handler, options) {
  handler[streamingMark] = 'response';
  if (options && typeof options.highWaterMark === 'number')
    handler[highWaterMarkMark] = Math.trunc(options.highWaterMark);
  return handler;
}

async function loadModule(behaviour, taskRoot, folder, name) {
  const file = path.resolve(taskRoot, folder, name);
  try {
    const module = behaviour.importsFirst ? await importFirst(file) : await requireFirst(file);
    if (module) return module;
    return requireForUser(requireForUser.resolve(name, { paths: [taskRoot, path.resolve(taskRoot, folder)] }));
  } catch (error) {
    if (error instanceof SyntaxError) throw runtimeError(behaviour, 'UserCodeSyntaxError', String(error), error.stack);
    if (error && error.code === 'MODULE_NOT_FOUND') throw runtimeError(behaviour, 'ImportModuleError', String(error));
    throw error;
  }
}

async function importFirst(file) {
  for (const extension of ['', '.js', '.mjs', '.cjs']) {
    if (existsSync(file + extension)) return await importFile(file + extension);
  }
  return undefined;
}

async function requireFirst(file) {
  if (existsSync(file)) return requireForUser(file);
  const esmFolder = isModuleFolder(path.dirname(file));
  if (existsSync(`${file}.js`)) return esmFolder ? await importFile(`${file}.js`) : requireForUser(`${file}.js`);
  if (existsSync(`${file}.mjs`)) return await importFile(`${file}.mjs`);
  if (existsSync(`${file}.cjs`)) return requireForUser(`${file}.cjs`);
  return undefined;
}

function importFile(file) {
  importModuleFromNodePath();
  return import(pathToFileURL(file).href);
}

/** Whether the nearest package.json says `"type": "module"`; the search ends at node_modules and at the root. */
function isModuleFolder(start) {
  let folder = start;
  while (!folder.endsWith('/node_modules')) {
    const description = path.join(folder, 'package.json');
    if (existsSync(description)) {
      try {
        return JSON.parse(readFileSync(description, 'utf8')).type === 'module';
      } catch (error) {
        console.warn(`${description} cannot be read, it will be ignored for ES module detection purposes.`, error);
        return false;
      }
    }
    if (folder === path.dirname(folder)) return false;
    folder = path.dirname(folder);
  }
  return false;
}

function findHandler(behaviour, module, exportPath, handlerString) {
  let found = findIn(module, exportPath);
  if (!found && behaviour.looksIntoDefaultExport) found = findIn(module.default, exportPath);
  if (!found) {
    throw runtimeError(behaviour, 'HandlerNotFound', `${handlerString} is undefined or not exported`);
  }
  if (typeof found !== 'function') {
    throw runtimeError(behaviour, 'HandlerNotFound', `${handlerString} is not a function`);
  }
  return found;
}

function findIn(module, exportPath) {
  return exportPath
    .split('.')
    .reduce((value, key) => (value === undefined || value === null ? undefined : value[key]), module);
}

function isStreaming(behaviour, handler) {
  const mark = handler[streamingMark];
  if (mark === undefined || mark === null || mark === false) return false;
  if (mark === 'response') return true;
  throw runtimeError(behaviour, 'MalformedStreamingHandler', 'Only response streaming is supported.');
}

function highWaterMarkOf(handler) {
  const mark = Number.parseInt(handler[highWaterMarkMark], 10);
  return Number.isNaN(mark) ? undefined : mark;
}

module.exports = { loadHandler, streamifyResponse };
