/**
 * Compiles what a function's handler loads, and runs none of it: what Node's compile cache holds afterwards goes to standard
 * output. The server starts this in a sandbox of its own, which has the function's files and nothing else of it.
 *
 * A CommonJS module cannot run here, because its `exports` cannot be read, which are an argument of its code. An ES module
 * cannot, because a module is only run when all that is imported with it has been linked, and one import never can be.
 */

'use strict';

const fs = require('fs');
const Module = require('module');
const path = require('path');
const { pathToFileURL, fileURLToPath } = require('url');
const { importFromNodePath } = require('./node-path-imports.cjs');

const modulesMax = 5000;
const sourceBytesMax = 64 * 1024 * 1024;
/** Found by what the texts say: a name that is put together at run time is not found, and compiled when it is loaded. */
const loads = /\b(require|import)\s*\(\s*(["'])([^"'\\\n]+)\2\s*\)/g;
/** A function that has to do with Node's compile cache itself finds it as Node has it. */
const ownCache = /\b(?:enableCompileCache|getCompileCacheDir|flushCompileCache|NODE_COMPILE_CACHE)\b/;
const neverLinked = 'data:text/javascript,import { absent } from "node:path";';
const standardOutput = 1;

class NotRun extends Error {}

const [, , taskRoot, handler, folder] = process.argv;
const waiting = [];
const known = new Set();
let sourceBytes = 0;
let hasOwnCache = false;

async function compileAll() {
  for (const file of handlerFiles()) await add(file, isModule(file));
  while (waiting.length > 0 && !hasOwnCache) await compile(waiting.shift());
}

/** In the order in which the runtime looks for them. */
function handlerFiles() {
  const name = path.basename(handler);
  const file = path.resolve(taskRoot, handler.slice(0, handler.indexOf(name)), name.split('.', 1)[0]);
  const found = ['', '.js', '.mjs', '.cjs'].map((extension) => file + extension).find(isFile);
  return found === undefined ? [] : [found];
}

function isFile(file) {
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  return stat !== undefined && stat.isFile();
}

function isModule(file) {
  if (file.endsWith('.mjs')) return true;
  if (!file.endsWith('.js')) return false;
  for (let at = path.dirname(file); !at.endsWith('/node_modules'); at = path.dirname(at)) {
    try {
      return JSON.parse(fs.readFileSync(path.join(at, 'package.json'), 'utf8')).type === 'module';
    } catch (error) {
      if (error.code !== 'ENOENT') return false;
    }
    if (at === path.dirname(at)) return false;
  }
  return false;
}

function add(file, isES) {
  if (known.has(file) || known.size >= modulesMax || !/\.[cm]?js$|\/[^./]+$/.test(file)) return;
  known.add(file);
  waiting.push({ file, isES });
}

async function compile({ file, isES }) {
  try {
    const text = read(file);
    if (text === undefined) return;
    if (isES) await compileModule(file);
    else compileCommon(file, text);
    follow(file, text);
  } catch {
    // What cannot be compiled shows when the function loads it.
  }
}

function read(file) {
  const text = fs.readFileSync(file, 'utf8');
  sourceBytes += text.length;
  if (ownCache.test(text)) hasOwnCache = true;
  return sourceBytes > sourceBytesMax || hasOwnCache ? undefined : text;
}

function compileCommon(file, text) {
  const module = new Module(file);
  module.filename = file;
  module.paths = [];
  Object.defineProperty(module, 'exports', {
    get() {
      throw new NotRun();
    },
  });
  try {
    module._compile(text, file, 'commonjs');
  } catch (error) {
    if (!(error instanceof NotRun)) throw error;
  }
}

async function compileModule(file) {
  const imports = [pathToFileURL(file).href, neverLinked].map((url) => `import ${JSON.stringify(url)};`).join('');
  await import(`data:text/javascript,${encodeURIComponent(imports)}`).catch(() => undefined);
}

/** What a text loads by a name that stands in it. */
function follow(file, text) {
  const requireFrom = Module.createRequire(file);
  for (const [, how, , name] of text.matchAll(loads)) {
    try {
      const found = requireFrom.resolve(name);
      if (path.isAbsolute(found)) add(found, isModule(found) && how === 'import');
    } catch {
      // Not there, or nothing that can be required.
    }
  }
}

/** What ES modules import is told by Node, which loads it. */
function hearOfImports() {
  if (Module.registerHooks === undefined) return;
  Module.registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      if (!url.startsWith('file:')) return loaded;
      const file = fileURLToPath(url);
      if (loaded.format === 'commonjs') add(file, false);
      else if (loaded.format === 'module' && !known.has(file)) {
        known.add(file);
        const text = read(file);
        if (text !== undefined) follow(file, text);
      }
      return loaded;
    },
  });
}

/** A line of JSON: the compiler's tag, and name and size of each file; then the files. */
function hand() {
  const [entry] = fs.readdirSync(folder);
  const directory = path.join(folder, entry);
  const names = fs.readdirSync(directory);
  const files = names.map((name) => fs.readFileSync(path.join(directory, name)));
  const tag = entry.replace(/-\d+$/, '');
  const head = { tag, files: names.map((name, at) => [name, files[at].length]) };
  for (const piece of [Buffer.from(`${JSON.stringify(head)}\n`), ...files]) {
    for (let at = 0; at < piece.length; ) at += fs.writeSync(standardOutput, piece, at);
  }
}

(async () => {
  if (Module.enableCompileCache === undefined || Module.flushCompileCache === undefined) return;
  importFromNodePath();
  hearOfImports();
  if (Module.enableCompileCache(folder).directory === undefined) return;
  await compileAll();
  if (hasOwnCache) return;
  Module.flushCompileCache();
  hand();
})();
