/**
 * What comes in one turn of the event loop is taken together, once all of it has been read: what is dealt with in a row finds its
 * code and data in the processor's caches, and the steps of several calls behind one another do too. Where the last turn had only
 * one, the first of the next is taken at once: a caller that calls one by one waits for nothing.
 */

/** What a socket's stream reads at once. Of what fills that there is more, which is not to be gathered: it is taken at once. */
export const READ_BYTES = 65_536;

const waiting: (() => void)[] = [];
/** How many were asked for in this turn. */
let asked = 0;
/** The last turn that had any had one. */
let wasAlone = false;

/** Calls back in this turn of the event loop, in the order in which it was asked: maybe before it returns. */
export function afterReading(action: () => void): void {
  asked++;
  if (asked === 1) setImmediate(takeAll);
  if (asked === 1 && wasAlone) action();
  else waiting.push(action);
}

function takeAll(): void {
  wasAlone = asked === 1;
  asked = 0;
  const actions = waiting.splice(0);
  let taken = 0;
  try {
    for (const action of actions) {
      taken++;
      action();
    }
  } finally {
    // One that throws takes no other with it.
    for (const action of actions.slice(taken)) afterReading(action);
  }
}
