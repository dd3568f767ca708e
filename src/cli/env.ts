import { type Command, serverOptions } from './command.ts';
import { connectionOf } from './connection.ts';
import { EXIT_OK, UsageError } from './failure.ts';

const shells: Readonly<Record<string, (name: string, value: string) => string>> = {
  sh: (name, value) => `export ${name}='${value.replaceAll("'", "'\\''")}'`,
  fish: (name, value) => `set -gx ${name} '${value.replace(/[\\']/g, '\\$&')}'`,
  powershell: (name, value) => `$env:${name} = '${value.replaceAll("'", "''")}'`,
};

export const command: Command = {
  operands: { min: 0, max: 0 },
  options: {
    shell: { type: 'string', value: 'S', help: `${Object.keys(shells).join(', ')} (sh)` },
    ...serverOptions,
  },
  notes: [
    'Use it so:  eval "$(lambdad env)"        in fish:  lambdad env --shell fish | source',
    'The access key is printed only when the environment has none: a server on loopback takes any.',
    'Exit codes: 0 printed; 2 the command line is wrong.',
  ],
  async run(call) {
    const shell = call.text('shell') ?? 'sh';
    const line = Object.hasOwn(shells, shell) ? shells[shell] : undefined;
    if (!line) throw new UsageError(`--shell: ${JSON.stringify(shell)} is none of ${Object.keys(shells).join(', ')}`);
    const { endpoint, region, credentials } = connectionOf(call);
    const variables: Record<string, string> = {
      AWS_ENDPOINT_URL_LAMBDA: endpoint,
      AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: endpoint,
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
    };
    if (!call.env['AWS_ACCESS_KEY_ID'] || !call.env['AWS_SECRET_ACCESS_KEY']) {
      variables['AWS_ACCESS_KEY_ID'] = credentials.accessKeyId;
      variables['AWS_SECRET_ACCESS_KEY'] = credentials.secretAccessKey;
    }
    if (call.json) call.terminal.out(JSON.stringify(variables, null, 2));
    else for (const [name, value] of Object.entries(variables)) call.terminal.out(line(name, value));
    return EXIT_OK;
  },
};
