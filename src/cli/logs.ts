import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, withClient } from './client.ts';
import { type Call, type Command, serverOptions } from './command.ts';
import { connectionOf } from './connection.ts';
import { ApiFailure, EXIT_OK, UsageError } from './failure.ts';
import { Follower, type LoggedEvent } from './follow.ts';
import { aborted, untilInterrupted } from './interrupt.ts';
import { callLambda } from './lambda-api.ts';
import type { Terminal } from './terminal.ts';

const POLL_MS = 300;
const SINCE_DEFAULT = '10m';
/** CloudWatch Logs answers at most so many events at once. */
const PAGE_EVENTS = 10_000;

export const command: Command = {
  operands: { min: 1, max: 1 },
  options: {
    follow: { type: 'boolean', short: 'f', help: 'go on with what is written from now on, until Ctrl-C' },
    since: { type: 'string', value: 'TIME', help: `how far back: 30s, 10m, 2h, 7d or a time (${SINCE_DEFAULT})` },
    group: { type: 'string', value: 'G', help: "log group (the function's, or /aws/lambda/NAME)" },
    ...serverOptions,
  },
  notes: [
    'Prints a time and a line for each event; with --json one event a line.',
    'Exit codes: 0 printed, or ended by Ctrl-C; 1 there is no such function or log.',
  ],
  async run(call) {
    const startMs = sinceMs(call.text('since') ?? SINCE_DEFAULT, Date.now());
    return withClient(connectionOf(call), async (client) => {
      const group = call.text('group') ?? (await groupOf(client, call.operands[0]!));
      const follower = new Follower(startMs);
      const log = { client, group, follower };
      if (call.flag('follow')) {
        await follow(call, log);
        return EXIT_OK;
      }
      const read = await call.terminal.during(() => `reading ${group}`, readNew(log, printer(call)));
      if (read === 0)
        call.terminal.note(`nothing in ${group} since ${new Date(startMs).toISOString()} (--since goes back further)`);
      return EXIT_OK;
    });
  },
};

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `10m` before now, or an ISO 8601 time, as epoch milliseconds. Throws UsageError. */
export function sinceMs(text: string, nowMs: number): number {
  const [, count, unit] = /^(\d{1,9})([smhdw])$/.exec(text) ?? [];
  if (count !== undefined && unit !== undefined) return Math.max(0, nowMs - Number(count) * UNIT_MS[unit]!);
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw new UsageError(`--since: ${JSON.stringify(text)} is neither like 10m nor a time`);
  return time;
}

interface Log {
  readonly client: Client;
  readonly group: string;
  readonly follower: Follower;
}

/** The group that a function's configuration names; a function that was deleted leaves its log in the usual place. */
async function groupOf(client: Client, name: string): Promise<string> {
  try {
    const view = await callLambda(client, 'GetFunctionConfiguration', { FunctionName: name });
    return view.LoggingConfig?.LogGroup ?? `/aws/lambda/${view.FunctionName}`;
  } catch (error) {
    if (!(error instanceof ApiFailure) || error.code !== 'ResourceNotFoundException') throw error;
    const bare = /(?:function:)?([a-zA-Z0-9-_]+)(?::[^:]+)?$/.exec(name)?.[1] ?? name;
    const group = `/aws/lambda/${bare}`;
    const page = await readPage(client, group, { limit: 1 });
    if (page === undefined) throw error;
    return group;
  }
}

async function follow(call: Call, log: Log): Promise<void> {
  const print = printer(call);
  // Ctrl-C ends following, and that is no failure.
  const interrupt = untilInterrupted();
  const stopped = aborted(interrupt.asked);
  while (!interrupt.asked.aborted) {
    await Promise.race([readNew(log, print), stopped]);
    await sleep(POLL_MS, undefined, { signal: interrupt.asked }).catch(() => undefined);
  }
  await interrupt.settled();
}

/** Prints what is new in the log, through all pages; resolves to the number of events. */
async function readNew(log: Log, print: (event: LoggedEvent) => void): Promise<number> {
  let count = 0;
  let nextToken: string | undefined;
  const startTime = log.follower.startMs;
  do {
    const page = await readPage(log.client, log.group, { startTime, limit: PAGE_EVENTS, nextToken });
    // No group yet: a function that never ran.
    if (page === undefined) return count;
    const fresh = log.follower.fresh(page.events ?? []);
    for (const event of fresh) print(event);
    count += fresh.length;
    nextToken = page.nextToken;
  } while (nextToken !== undefined);
  log.follower.endOfRead();
  return count;
}

interface Page {
  readonly events?: readonly LoggedEvent[];
  readonly nextToken?: string;
}

interface PageInput {
  readonly startTime?: number;
  readonly limit: number;
  readonly nextToken?: string | undefined;
}

/** One page of FilterLogEvents, in the JSON 1.1 protocol; undefined when there is no such group. */
async function readPage(client: Client, group: string, input: PageInput): Promise<Page | undefined> {
  try {
    const answer = await client.send({
      service: 'logs',
      method: 'POST',
      path: '/',
      headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'Logs_20140328.FilterLogEvents' },
      body: Buffer.from(JSON.stringify({ logGroupName: group, ...input })),
    });
    return JSON.parse(answer.body.toString('utf8'));
  } catch (error) {
    if (error instanceof ApiFailure && error.code === 'ResourceNotFoundException') return undefined;
    throw error;
  }
}

function printer(call: Call): (event: LoggedEvent) => void {
  const { terminal, json } = call;
  return (event) => terminal.out(json ? JSON.stringify(event) : eventText(terminal, event));
}

function eventText(terminal: Terminal, event: LoggedEvent): string {
  // The runtimes separate the lines of one event with carriage returns; on a terminal these would overwrite each other.
  const message = event.message.trimEnd().replace(/\r\n?/g, '\n');
  return `${terminal.paint('dim', new Date(event.timestamp).toISOString())} ${message}`;
}
