import { readFileSync } from 'node:fs';
import { assetPath } from '../base/assets.ts';
import { parseCall } from './command.ts';
import { commands, suggestion } from './commands.ts';
import { CommandFailure, EXIT_FAILED, EXIT_OK, EXIT_USAGE, UsageError } from './failure.ts';
import { commandHelp, generalHelp } from './help.ts';
import { openTerminal, type Terminal } from './terminal.ts';

/** How long a finished command may wait for what it left open. */
const LINGER_MS = 1000;

/** The command `lambdad`: finds the command, runs it, turns what it throws into one line and an exit code. */
async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  const [word, ...rest] = argv;
  if (word === undefined) {
    for (const line of generalHelp()) terminal.note(line);
    return EXIT_USAGE;
  }
  if (word === '--version' || word === '-v' || word === 'version') {
    terminal.out(`lambdad ${version()}`);
    return EXIT_OK;
  }
  if (word === 'help' && rest[0] !== undefined) return main([rest[0], '--help'], terminal);
  if (word === '--help' || word === '-h' || word === 'help') {
    for (const line of generalHelp()) terminal.out(line);
    return EXIT_OK;
  }
  const entry = commands.find(({ name }) => name === word);
  if (!entry) return usage(terminal, unknown(word), ['see: lambdad --help']);
  const { command } = await entry.load();
  try {
    const call = parseCall(command, rest, terminal, process.env);
    if (call.flag('help')) {
      for (const line of commandHelp(entry, command)) terminal.out(line);
      return EXIT_OK;
    }
    return await command.run(call);
  } catch (error) {
    if (error instanceof UsageError)
      return usage(terminal, error.message, [
        `usage: lambdad ${entry.name} ${entry.synopsis}`,
        `see: lambdad ${entry.name} --help`,
      ]);
    return failure(terminal, error);
  }
}

function version(): string {
  return JSON.parse(readFileSync(assetPath('package.json'), 'utf8')).version;
}

function unknown(word: string): string {
  const what = word.startsWith('-') ? 'option' : 'command';
  const meant = what === 'command' ? suggestion(word) : undefined;
  return `unknown ${what} ${JSON.stringify(word)}${meant === undefined ? '' : `: did you mean "lambdad ${meant}"?`}`;
}

function usage(terminal: Terminal, message: string, help: readonly string[]): number {
  terminal.note(`${terminal.paintNote('red', 'lambdad:')} ${message}`);
  for (const line of help) terminal.note(line);
  return EXIT_USAGE;
}

function failure(terminal: Terminal, error: unknown): number {
  const say = (message: string) => terminal.note(`${terminal.paintNote('red', 'lambdad:')} ${message}`);
  if (error instanceof CommandFailure) {
    say(error.message);
    for (const hint of error.hints) terminal.note(`  ${hint}`);
  } else if (error instanceof Error && 'syscall' in error) {
    // The machine refused: `ENOENT: no such file or directory, open 'x'` says it all.
    say(error.message);
  } else {
    // Anything else is a mistake of ours, and its place is worth more than brevity.
    say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  return EXIT_FAILED;
}

// A reader that goes away (`lambdad logs NAME | head`) ends the command quietly.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT_OK);
  throw error;
});

// Not process.exit(): what stands in a pipe is still to be written.
process.exitCode = await main(process.argv.slice(2), openTerminal(process, process.env));
// Whatever was left open must not keep a command alive that is done: this fires only when something was.
setInterval(() => {
  if (process.stdout.writableLength === 0) process.exit();
}, LINGER_MS).unref();
