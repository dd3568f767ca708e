// A process that runs `lambdad start` around a server of the test's making, told by the first argument.
import { parseCall } from '../../src/cli/command.ts';
import { CommandFailure } from '../../src/cli/failure.ts';
import { command, runServer, type StartServer } from '../../src/cli/start.ts';
import { openTerminal } from '../../src/cli/terminal.ts';

const [kind, ...argv] = process.argv.slice(2);

const servers: Readonly<Record<string, StartServer>> = {
  ordinary: async ({ port }) => {
    const busy = setInterval(() => undefined, 1000);
    return {
      url: `http://127.0.0.1:${port}`,
      lines: ['sandbox: none', 'point clients here'],
      failed: new Promise(() => {}),
      async close() {
        process.stdout.write('closing\n');
        clearInterval(busy);
      },
    };
  },
  hanging: async () => {
    const busy = setInterval(() => undefined, 1000);
    return {
      url: 'http://x',
      lines: [],
      failed: new Promise(() => {}),
      close: () => new Promise(() => void busy.refresh()),
    };
  },
  refused: async () => {
    throw new Error('the data folder cannot be written\nto mend that: chmod');
  },
};

const terminal = openTerminal(process, process.env);
try {
  process.exitCode = await runServer(parseCall(command, argv, terminal, process.env), servers[kind ?? '']!);
} catch (error) {
  if (!(error instanceof CommandFailure)) throw error;
  terminal.note(JSON.stringify([error.message, ...error.hints]));
  process.exitCode = 1;
}
