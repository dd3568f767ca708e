import { withClient } from './client.ts';
import { type Command, serverOptions } from './command.ts';
import { connectionOf } from './connection.ts';
import { EXIT_FAILED, EXIT_OK } from './failure.ts';
import { callLambda } from './lambda-api.ts';

export const command: Command = {
  operands: { min: 1, max: 1 },
  options: {
    yes: { type: 'boolean', short: 'y', help: 'do not ask' },
    ...serverOptions,
  },
  notes: [
    'Deletes the function with its versions and aliases; its log stays. NAME:VERSION deletes one version.',
    'Asks first on a terminal, unless --yes is given; elsewhere it does not ask.',
    'Exit codes: 0 deleted; 1 not deleted.',
  ],
  async run(call) {
    const name = call.operands[0]!;
    if (!call.flag('yes') && (await call.terminal.confirm(`delete ${name}?`)) === false) {
      call.terminal.note('not deleted');
      return EXIT_FAILED;
    }
    await withClient(connectionOf(call), (client) => callLambda(client, 'DeleteFunction', { FunctionName: name }));
    if (call.json) call.terminal.out(JSON.stringify({ deleted: name }));
    else call.terminal.note(`deleted ${name}`);
    return EXIT_OK;
  },
};
