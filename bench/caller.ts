import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { benchFile, invokeRequest } from './bench-server.ts';

/** A program that is run to its end. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  /** Beyond the bench's own. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What is to be timed: one of the two lists, by so many at a time. */
export interface Order {
  readonly requests?: readonly string[];
  readonly programs?: readonly Program[];
  readonly callers: number;
}

/** The bench's own: otherwise its collector takes both processors for some 10 ms, now and then beside what is timed. */
const collectGarbage = garbageCollector();

function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

export type Done = { readonly tookMs: number } | { readonly failure: string };

/**
 * A process that calls functions of one server and spawns programs, and says how long it took. Its connections are plain
 * ones that stay open: neither an SDK's work nor a connection's beginning is in the figures.
 */
export class Caller {
  readonly #child: ChildProcess;
  readonly #host: string;
  readonly #gone = new AbortController();

  constructor(url: string) {
    const { hostname, port, host } = new URL(url);
    this.#host = host;
    this.#child = fork(benchFile('cold-caller.ts'), [hostname, port]);
    this.#child.once('exit', () => this.#gone.abort());
  }

  /** Milliseconds until all functions have answered. Rejects when one has failed. */
  invoke(names: readonly string[], callers = names.length): Promise<number> {
    const requests = names.map((name) => invokeRequest(this.#host, name, JSON.stringify({ name })));
    return this.#order({ requests, callers });
  }

  /** Milliseconds until so many runs of a program have ended. Rejects when one has failed. */
  spawn({ command, args, env = {} }: Program, count = 1, callers = count): Promise<number> {
    return this.#order({ programs: Array.from({ length: count }, () => ({ command, args, env })), callers });
  }

  stop(): void {
    this.#child.disconnect();
  }

  async #order(order: Order): Promise<number> {
    collectGarbage();
    this.#child.send(order);
    const [done] = (await once(this.#child, 'message', { signal: this.#gone.signal })) as [Done];
    if ('failure' in done) throw new Error(done.failure);
    return done.tookMs;
  }
}
