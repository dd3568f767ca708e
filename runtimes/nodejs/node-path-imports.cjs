/**
 * Lets ES modules import what NODE_PATH leads to: layers, and the SDK that the runtime brings along. Node itself looks
 * there for `require` alone; AWS's runtimes do so for `import` too, from Node 18 on. What lies beside a module goes first.
 *
 * Deliberate difference from AWS: where Node lacks hooks within the thread (18 and 20), only functions that are ES modules
 * have this, because hooks in a thread of their own cost some 40 ms of a start.
 */

'use strict';

const { createRequire, register, registerHooks } = require('module');
const path = require('path');
const { pathToFileURL } = require('url');

const specifierOfPackage = /^(?![./#]|[a-z][a-z+.-]*:)/i;

/** Whether hooks cost next to nothing here. */
const hasCheapHooks = registerHooks !== undefined;

let isSet = false;

/** Sets the hooks, once, where they are cheap; at the start, because an import that has failed stays failed. */
function importFromNodePath() {
  if (!hasCheapHooks || isSet) return;
  isSet = true;
  const places = searchPlaces();
  registerHooks({
    resolve(specifier, context, next) {
      try {
        return next(specifier, context);
      } catch (error) {
        if (!isLacking(error, specifier)) throw error;
        for (const parentURL of places) {
          try {
            return next(specifier, { ...context, parentURL });
          } catch (other) {
            if (!isLacking(other, specifier)) throw other;
          }
        }
        return requiredFrom(specifier, error);
      }
    },
  });
}

/** Sets the hooks for a function that is an ES module, where that was not done at the start. */
function importModuleFromNodePath() {
  if (!hasCheapHooks && register !== undefined) register(pathToFileURL(path.join(__dirname, 'node-path-hooks.mjs')));
}

/** Modules beside the folders of packages in NODE_PATH: what such a module imports is found in them. */
function searchPlaces() {
  const folders = (process.env.NODE_PATH || '').split(path.delimiter);
  return folders
    .filter((folder) => path.basename(folder) === 'node_modules')
    .map((folder) => pathToFileURL(path.join(path.dirname(folder), 'importer.mjs')).href);
}

function isLacking(error, specifier) {
  return error.code === 'ERR_MODULE_NOT_FOUND' && specifierOfPackage.test(specifier);
}

/** The other folders of NODE_PATH hold modules of any name; throws `error` when there is none of this. */
function requiredFrom(specifier, error) {
  let found;
  try {
    found = createRequire(path.join(__dirname, 'index.mjs')).resolve(specifier);
  } catch {
    throw error;
  }
  return { url: pathToFileURL(found).href, shortCircuit: true };
}

module.exports = { hasCheapHooks, importFromNodePath, importModuleFromNodePath, searchPlaces, isLacking, requiredFrom };
