import { parseArgs } from 'node:util';
import { UsageError } from './failure.ts';
import type { Terminal } from './terminal.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** One option of a command: how it is parsed and what its help says. */
export interface Option {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  /** May be given several times. */
  readonly multiple?: boolean;
  /** What stands behind the option in the help: `MB`. */
  readonly value?: string;
  readonly help: string;
}

/** What one run of a command gets. */
export interface Call {
  readonly terminal: Terminal;
  readonly env: Environment;
  /** What follows the command's name, as typed. */
  readonly argv: readonly string[];
  readonly operands: readonly string[];
  readonly json: boolean;
  text(option: string): string | undefined;
  texts(option: string): readonly string[];
  flag(option: string): boolean;
}

export interface Command {
  readonly options: Readonly<Record<string, Option>>;
  /** How many operands the command takes. */
  readonly operands: { readonly min: number; readonly max: number };
  /** Lines of help beneath the options. */
  readonly notes: readonly string[];
  /** The command parses `argv` itself, and `options` only document it. */
  readonly ownParser?: boolean;
  /** Resolves to the exit code. */
  run(call: Call): Promise<number>;
}

/** Options that every command has. */
export const everyOption: Readonly<Record<string, Option>> = {
  json: { type: 'boolean', help: 'print JSON for programs' },
  help: { type: 'boolean', short: 'h', help: 'print this help' },
};

/** Options of every command that talks to a server. */
export const serverOptions: Readonly<Record<string, Option>> = {
  endpoint: { type: 'string', value: 'URL', help: 'the server ($AWS_ENDPOINT_URL_LAMBDA, or http://127.0.0.1:2015)' },
  region: { type: 'string', value: 'R', help: 'the region ($AWS_REGION, or us-east-1)' },
};

/** Parses what follows a command's name. Throws UsageError. */
export function parseCall(command: Command, argv: readonly string[], terminal: Terminal, env: Environment): Call {
  const { values, positionals } = command.ownParser ? wordOptions(argv) : parse(command, argv);
  const { min, max } = command.operands;
  if (!values['help'] && positionals.length < min) throw new UsageError('an operand is missing');
  if (!values['help'] && positionals.length > max)
    throw new UsageError(`${JSON.stringify(positionals[max])} is one operand too many`);
  return {
    terminal,
    env,
    argv,
    operands: positionals,
    json: values['json'] === true,
    text: (option) => asText(values[option]),
    texts: (option) => asTexts(values[option]),
    flag: (option) => values[option] === true,
  };
}

type Values = Readonly<Record<string, unknown>>;

function parse(command: Command, argv: readonly string[]): { values: Values; positionals: string[] } {
  const options: Record<string, { type: 'string' | 'boolean'; short?: string; multiple?: boolean }> = {};
  for (const [name, option] of Object.entries({ ...command.options, ...everyOption })) {
    options[name] = { type: option.type };
    if (option.short !== undefined) options[name].short = option.short;
    if (option.multiple !== undefined) options[name].multiple = option.multiple;
  }
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: true });
  } catch (error) {
    throw new UsageError(withoutAdvice((error as Error).message));
  }
}

/** Node's texts about options go on with advice about `--` that fits no case here. */
export function withoutAdvice(text: string): string {
  return text.replace(/\. To specify a positional argument.*$/s, '');
}

function wordOptions(argv: readonly string[]): { values: Values; positionals: string[] } {
  const given = (...words: string[]) => argv.some((word) => words.includes(word));
  return { values: { json: given('--json'), help: given('--help', '-h') }, positionals: [] };
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function asTexts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value : [];
}
