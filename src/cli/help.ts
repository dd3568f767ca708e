import { type Command, everyOption, type Option } from './command.ts';
import { type CommandEntry, commands } from './commands.ts';

/** `lambdad --help`. */
export function generalHelp(): string[] {
  const width = Math.max(...commands.map(({ name, synopsis }) => name.length + synopsis.length + 1));
  return [
    'lambdad: AWS Lambda on your own machine',
    '',
    'Usage: lambdad COMMAND …',
    '',
    ...commands.map(({ name, synopsis, summary }) => `  lambdad ${`${name} ${synopsis}`.padEnd(width)}  ${summary}`),
    '',
    'Every command takes --help, and --json to print for programs. lambdad --version prints the version.',
    '',
    'Exit codes: 0 done; 1 failed (an invoked function that failed, too); 2 the command line is wrong.',
    '',
    'The server: --endpoint URL, or AWS_ENDPOINT_URL_LAMBDA, or LAMBDAD_HOST and LAMBDAD_PORT, or http://127.0.0.1:2015.',
    'Credentials and region: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, or test, test, us-east-1.',
  ];
}

/** `lambdad COMMAND --help`. */
export function commandHelp(entry: CommandEntry, command: Command): string[] {
  const options = Object.entries({ ...command.options, ...everyOption }).map(([name, option]) => ({
    left: optionText(name, option),
    help: option.help,
  }));
  const width = Math.max(...options.map(({ left }) => left.length));
  return [
    `lambdad ${entry.name}: ${entry.summary}`,
    '',
    `Usage: lambdad ${entry.name} ${entry.synopsis}`,
    '',
    ...options.map(({ left, help }) => `  ${left.padEnd(width)}  ${help}`),
    ...(command.notes.length > 0 ? ['', ...command.notes] : []),
  ];
}

function optionText(name: string, option: Option): string {
  const short = option.short === undefined ? '    ' : `-${option.short}, `;
  return `${short}--${name}${option.value === undefined ? '' : ` ${option.value}`}`;
}
