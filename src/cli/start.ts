import { setFlagsFromString } from 'node:v8';
import { type Config, ConfigError, configHelp, readConfig } from '../config.ts';
import type { RunningServer } from '../main.ts';
import { type Call, type Command, type Option, withoutAdvice } from './command.ts';
import { CommandFailure, EXIT_OK } from './failure.ts';
import { aborted, untilInterrupted } from './interrupt.ts';

export type StartServer = (config: Config) => Promise<RunningServer>;

/**
 * An invoke passes through many small functions of many rooms, more than V8 by itself puts into one: with these an invoke
 * takes an eighth less of the processor (`npm run bench -- warm`).
 */
const INLINING = ['--max-inlined-bytecode-size=1200', '--max-inlined-bytecode-size-cumulative=4000'];
/**
 * Where more than a hundred invokes ran at once for a while, V8 takes what an invoke makes for long-lived and puts it beside what
 * is, where it keeps all else of its invoke until the next full collection: beside 300 idle environments the collector then took
 * a tenth of the server's time, and takes a fiftieth without.
 */
const LIFETIMES = ['--no-allocation-site-pretenuring'];

export const command: Command = {
  operands: { min: 0, max: 0 },
  ownParser: true,
  options: Object.fromEntries(Object.entries(configHelp).map(([name, text]) => [name, helpOption(text)])),
  notes: [
    'Each option is also a variable: --idle-seconds is LAMBDAD_IDLE_SECONDS; the option wins.',
    'Ctrl-C or SIGTERM lets running invokes finish and ends; a second Ctrl-C ends at once.',
    'Exit codes: 0 ended as asked; 1 it cannot start; 130 ended by a second Ctrl-C.',
  ],
  run: (call) => {
    for (const flag of [...INLINING, ...LIFETIMES]) setFlagsFromString(flag);
    return runServer(call, async (config) => (await import('../main.ts')).startServer(config));
  },
};

/** The settings' help lines are `VALUE   text`. */
function helpOption(text: string): Option {
  const [value = '', help = ''] = text.split(/ {2,}/, 2);
  return value === '' ? { type: 'boolean', help } : { type: 'string', value, help };
}

/** Runs the server until a signal ends it. Throws CommandFailure when it cannot start. */
export async function runServer(call: Call, startServer: StartServer): Promise<number> {
  const interrupt = untilInterrupted();
  const server = await starting(call, startServer);
  if (call.json) call.terminal.out(JSON.stringify({ url: server.url, lines: server.lines }));
  else call.terminal.out([`lambdad listening on ${server.url}`, ...server.lines].join('\n'));
  const failure = await Promise.race([aborted(interrupt.asked), server.failed]);
  await server.close();
  await interrupt.settled();
  if (failure) throw new CommandFailure(failure.message);
  return EXIT_OK;
}

async function starting(call: Call, startServer: StartServer): Promise<RunningServer> {
  const argv = call.argv.filter((word) => word !== '--json');
  try {
    return await startServer(readConfig(argv, call.env));
  } catch (error) {
    throw startFailure(error as Error);
  }
}

function startFailure(error: Error): Error {
  const [message = '', ...more] = withoutAdvice(error.message).split('\n');
  if (error instanceof ConfigError)
    return new CommandFailure(message, more.length > 0 ? more : ['see: lambdad start --help']);
  // A mistake in the program keeps its stack; everything else is the machine's or the data folder's answer.
  const mistaken = [TypeError, RangeError, ReferenceError, SyntaxError].some((kind) => error instanceof kind);
  return mistaken ? error : new CommandFailure(message, more);
}
