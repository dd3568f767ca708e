import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT_INTERRUPTED } from './failure.ts';

/**
 * One Ctrl-C may arrive several times: from the terminal, from npm, and from the launcher that handed over to another
 * Node. Within this time they count as one.
 */
const SAME_KEYPRESS_MS = 250;

/** A command that goes on until it is asked to end. */
export interface Interruptible {
  /**
   * Aborted by the first SIGINT, SIGTERM or SIGHUP, and when the launcher that handed over to this Node is gone: nobody
   * would pass signals on any more. A later SIGINT of its own ends the process at once, with 130.
   */
  readonly asked: AbortSignal;
  /**
   * Resolves when no second arrival of the same Ctrl-C is to be expected. To be awaited before the process ends: while it
   * does, nothing handles signals any more, and one would turn the exit code into that of a kill.
   */
  settled(): Promise<void>;
}

export function untilInterrupted(): Interruptible {
  const stop = new AbortController();
  let firstAt: number | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (firstAt === undefined) {
      firstAt = performance.now();
      stop.abort();
    } else if (signal === 'SIGINT' && performance.now() - firstAt > SAME_KEYPRESS_MS) process.exit(EXIT_INTERRUPTED);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  process.on('disconnect', () => onSignal('SIGTERM'));
  process.channel?.unref();
  return {
    asked: stop.signal,
    async settled() {
      if (firstAt !== undefined) await sleep(Math.max(0, firstAt + SAME_KEYPRESS_MS - performance.now()));
    },
  };
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
