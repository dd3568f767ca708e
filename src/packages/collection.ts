/** Packages that nothing refers to any more go at the start, and now and then. */
import type { CodePackages } from './code-packages.ts';

const INTERVAL_MS = 3_600_000;

export interface Collecting {
  stop(): void;
  /** Resolves when what was begun has ended. */
  last(): Promise<void>;
}

/** Begins at once. `note`: takes a line for each failure. */
export function collectNowAndThen(packages: Pick<CodePackages, 'collect'>, note: (line: string) => void): Collecting {
  let running: Promise<void> = Promise.resolve();
  const collect = () => {
    running = packages.collect().then(
      () => undefined,
      (error: Error) => note(error.message),
    );
  };
  collect();
  const timer = setInterval(collect, INTERVAL_MS).unref();
  return { stop: () => clearInterval(timer), last: () => running };
}
