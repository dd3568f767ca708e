/**
 * A process that begins before it is known for which function: it loads what every function loads, says that it waits, and
 * reads from its gate (a FIFO) what it shall be. From there on nothing tells it from one that has just begun.
 */

'use strict';

const fs = require('fs');
const path = require('path');
const { rehearse } = require('./rehearsal.cjs');
const { connectBeforehand, rehearseWith } = require('./runtime.cjs');

/** Modules of Node's own that functions and their SDKs use. Loading `assert`, and so `http2`, opens standard error. */
const builtins = [
  'async_hooks',
  'buffer',
  'child_process',
  'crypto',
  'dns',
  'events',
  'fs/promises',
  'http',
  'https',
  'net',
  'os',
  'perf_hooks',
  'process',
  'querystring',
  'readline',
  'stream',
  'stream/promises',
  'stream/web',
  'string_decoder',
  'timers',
  'timers/promises',
  'tls',
  'tty',
  'url',
  'util',
  'util/types',
  'worker_threads',
  'zlib',
];
const ownModules = ['gate.cjs', 'rehearsal.cjs', 'rehearsed-common.cjs'];
const environStartField = 50;
const standardOutput = 1;

/** Returns when the process has become a function's. */
async function passGate() {
  const { _LAMBDAD_GATE: gate, _LAMBDAD_API: address } = process.env;
  loadBuiltins();
  // Before the rehearsal, whose invocation has a variable of its own.
  moveEnvironment();
  // Without it only the first invoke is slower.
  await rehearse((address) => rehearseWith(address, __dirname)).catch(() => undefined);
  // These modules are none of the function's.
  for (const name of ownModules) forget(path.join(__dirname, name));
  // At the descriptor that it would have had.
  if (address) await connectBeforehand(address);
  const block = openEnvironmentBlock();
  fs.writeSync(standardOutput, '.');
  const { environment, cwd } = JSON.parse(fs.readFileSync(gate, 'utf8'));
  const known = new Map(environment);
  // What stays as it is stands first in the function's too. To change TZ means to look for the machine's zone: 4 ms.
  for (const name of Object.keys(process.env)) if (name !== 'TZ' || !known.has(name)) delete process.env[name];
  for (const [name, value] of environment) if (process.env[name] !== value) process.env[name] = value;
  block.show(environment);
  block.close();
  process.chdir(cwd);
  // The loop's clock stood still; a timer of the function's would go off too soon.
  await new Promise((resolve) => setImmediate(resolve));
}

/** Out of where the kernel shows it: the C library keeps what is set anew in a place of its own. */
function moveEnvironment() {
  const variables = Object.entries(process.env);
  for (const [name, value] of variables) {
    delete process.env[name];
    process.env[name] = value;
  }
  const block = openEnvironmentBlock();
  block.show(variables);
  block.close();
}

/** Takes a CommonJS module from where a function may see it. */
function forget(file) {
  delete require.cache[file];
  for (const module of Object.values(require.cache)) {
    module.children = module.children.filter(({ filename }) => filename !== file);
  }
}

function loadBuiltins() {
  const list = process.moduleLoadList;
  const { length } = list;
  for (const name of builtins) require(name);
  list.length = length;
}

/**
 * Where the kernel shows the variables that a process began with, at /proc/self/environ. `show` writes others there: by
 * then none of the C library's lies there; what began there is longer, and the rest of it becomes zeros.
 */
function openEnvironmentBlock() {
  // The name of the program, in parentheses, may hold blanks.
  const stat = fs.readFileSync('/proc/self/stat', 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [start, end] = [Number(fields[environStartField - 3]), Number(fields[environStartField - 2])];
  const memory = fs.openSync('/proc/self/mem', 'r+');
  return {
    show(environment) {
      const block = Buffer.alloc(end - start);
      const text = environment.map(([name, value]) => `${name}=${value}\0`).join('');
      if (Buffer.byteLength(text) <= block.length) block.write(text);
      fs.writeSync(memory, block, 0, block.length, start);
    },
    close: () => fs.closeSync(memory),
  };
}

module.exports = { passGate };
