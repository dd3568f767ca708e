import { type Config, ConfigError, readConfig } from '../config.ts';
import { type Call, type Command, serverOptions } from './command.ts';
import { type Connection, connectionOf } from './connection.ts';
import { examineDisk, examineLimits } from './examine-machine.ts';
import { examineNeighbours } from './examine-neighbours.ts';
import { runtimeFindings } from './examine-runtimes.ts';
import { examineSandbox, examineServer } from './examine-sandbox.ts';
import { CommandFailure, EXIT_FAILED, EXIT_OK } from './failure.ts';
import type { Finding } from './finding.ts';
import type { Style, Terminal } from './terminal.ts';

const SECTIONS: readonly Finding['section'][] = [
  'sandbox',
  'network',
  'runtimes',
  'limits',
  'disk',
  'neighbours',
  'tracing',
];

export const command: Command = {
  operands: { min: 0, max: 0 },
  options: {
    data: { type: 'string', value: 'DIR', help: 'the data folder to look at, as for lambdad start' },
    ...serverOptions,
  },
  notes: [
    'Tries what functions need on this machine; changes nothing. Beneath each lack stands the command that mends it.',
    'Exit codes: 0 nothing is lacking; 1 something is.',
  ],
  async run(call) {
    const config = configOf(call);
    const connection = connectionOf(call);
    const findings = await call.terminal.during(() => 'looking at this machine', examine(call, config, connection));
    const lacking = findings.some(({ level }) => level === 'lack');
    if (call.json) call.terminal.out(JSON.stringify({ ok: !lacking, findings }, null, 2));
    else print(call.terminal, findings);
    return lacking ? EXIT_FAILED : EXIT_OK;
  },
};

function configOf(call: Call): Config {
  const data = call.text('data');
  try {
    return readConfig(data === undefined ? [] : ['--data', data], call.env);
  } catch (error) {
    if (error instanceof ConfigError) throw new CommandFailure(error.message);
    throw error;
  }
}

async function examine(call: Call, config: Config, connection: Connection): Promise<Finding[]> {
  const parts = await Promise.all([
    examineSandbox(call.env),
    examineServer(connection.endpoint),
    runtimeFindings(config, call.env),
    examineLimits(config),
    examineDisk(config),
    examineNeighbours(config, connection),
  ]);
  return parts.flat();
}

const STYLES: Readonly<Record<Finding['level'], Style>> = { ok: 'green', note: 'yellow', lack: 'red' };

function print(terminal: Terminal, findings: readonly Finding[]): void {
  const width = Math.max(...findings.map(({ name }) => name.length));
  for (const section of SECTIONS) {
    const inSection = findings.filter((finding) => finding.section === section);
    if (inSection.length > 0) terminal.out(terminal.paint('bold', section));
    for (const { level, name, text, mend } of inSection) {
      terminal.out(`  ${terminal.paint(STYLES[level], level.padEnd(4))}  ${name.padEnd(width)}  ${text}`);
      for (const line of mend) terminal.out(`        ${line}`);
    }
  }
}
