/**
 * What `--expose-gc`, with which AWS starts Node, shows a function, without starting with it: Node throws the compiled
 * code of its own modules away when it finds itself started so, which costs a sixth of a plain start. A wrapper script
 * is given the option, and then all of this is Node's own.
 */

'use strict';

const option = '--expose-gc';

/** The collector itself: V8 gives it to contexts made after the option is set. */
function takeGc() {
  require('v8').setFlagsFromString(option);
  return require('vm').runInNewContext('gc');
}

/** Makes `gc` a global that is taken when it is first asked for, and names the option among the process's own. */
function exposeGc() {
  if (global.gc !== undefined) return;
  const set = (value) => Object.defineProperty(global, 'gc', { value, writable: true, enumerable: true });
  const get = () => {
    const gc = takeGc();
    set(gc);
    return gc;
  };
  Object.defineProperty(global, 'gc', { get, set, enumerable: true, configurable: true });
  // Children that are forked get it from here.
  process.execArgv.unshift(option);
}

module.exports = { exposeGc };
