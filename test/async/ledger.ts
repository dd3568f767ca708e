import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** One run of a function, as the function told it while it ran. */
export interface Entry {
  readonly functionName: string;
  readonly requestId: string;
  readonly arn: string;
  readonly event: unknown;
  readonly clientContext: unknown;
  readonly tenantId: unknown;
  readonly traceHeader: unknown;
  /** When its process began, in ms since the epoch. */
  readonly begunAt: number;
}

/** What the function is to do. */
export interface Verdict {
  readonly error?: string;
  readonly result?: unknown;
}

export interface Ledger {
  readonly url: string;
  readonly entries: readonly Entry[];
  /** Settles each run; left as it is, all succeed. */
  judge: (entry: Entry) => Verdict | Promise<Verdict>;
  /** Resolves when so many entries of the function are there, with all of them. */
  runsOf(functionName: string, count: number): Promise<readonly Entry[]>;
  /** Resolves when it is so; it is looked at with each new entry. */
  until(isSo: () => boolean): Promise<void>;
  close(): Promise<void>;
}

const WAIT_MS_MAX = 30_000;

/** A server outside of lambdad that functions tell of each run, and that tells them how to end. */
export async function startLedger(): Promise<Ledger> {
  const entries: Entry[] = [];
  const waiting = new Set<() => void>();
  const of = (functionName: string) => entries.filter((entry) => entry.functionName === functionName);
  const server = createServer(async (request: IncomingMessage, response) => {
    const entry = (await json(request)) as Entry;
    entries.push(entry);
    for (const look of waiting) look();
    response.end(JSON.stringify(await ledger.judge(entry)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const ledger: Ledger = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    entries,
    judge: () => ({ result: 'done' }),
    async until(isSo) {
      await new Promise<void>((resolve, reject) => {
        const seen = () => entries.map((entry) => `${entry.functionName} ${entry.requestId}`).join(', ');
        const timer = setTimeout(() => reject(new Error(`not so after ${WAIT_MS_MAX} ms: ${seen()}`)), WAIT_MS_MAX);
        const look = () => {
          if (!isSo()) return;
          clearTimeout(timer);
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      });
    },
    async runsOf(functionName, count) {
      await ledger.until(() => of(functionName).length >= count);
      return of(functionName);
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return ledger;
}

/** The files of a function that tells the ledger of each run. */
export function tellingFunction(url: string): Record<string, string> {
  return {
    'index.mjs': `export const handler = async (event, context) => {
      const { functionName, awsRequestId: requestId, invokedFunctionArn: arn, clientContext, tenantId } = context;
      const traceHeader = process.env._X_AMZN_TRACE_ID;
      const begunAt = performance.timeOrigin;
      const told = { functionName, requestId, arn, event, clientContext, tenantId, traceHeader, begunAt };
      const answer = await fetch(${JSON.stringify(url)}, { method: 'POST', body: JSON.stringify(told) });
      const { error, result } = await answer.json();
      if (error !== undefined) throw new Error(error);
      return result;
    };`,
  };
}
