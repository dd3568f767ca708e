import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import type { InvocationResponse } from '../model/types.gen.ts';
import { withClient } from './client.ts';
import { type Call, type Command, serverOptions } from './command.ts';
import { connectionOf } from './connection.ts';
import { EXIT_FAILED, EXIT_OK, UsageError } from './failure.ts';
import { callLambda } from './lambda-api.ts';

/** A function may run for 15 minutes; a little more for its start. */
const INVOKE_MS_MAX = 16 * 60_000;

export const command: Command = {
  operands: { min: 1, max: 1 },
  options: {
    payload: { type: 'string', short: 'p', value: 'JSON|@FILE|-', help: 'the event: JSON, a file, or stdin (none)' },
    qualifier: { type: 'string', short: 'q', value: 'Q', help: 'version or alias' },
    tail: { type: 'boolean', help: 'print the end of the log on stderr' },
    'dry-run': { type: 'boolean', help: 'only check that the invoke would be allowed' },
    'client-context': { type: 'string', value: 'JSON', help: 'client context, as mobile SDKs send it' },
    ...serverOptions,
  },
  notes: [
    'Prints what the function returns on stdout. NAME may be a name, NAME:QUALIFIER or an ARN.',
    'Exit codes: 0 the function returned; 1 it failed (its error is printed all the same) or could not be invoked.',
  ],
  async run(call) {
    const name = call.operands[0]!;
    const context = clientContext(call);
    const payload = await payloadOf(call.text('payload'));
    return withClient(connectionOf(call), async (client) => {
      const work = callLambda(
        client,
        'Invoke',
        {
          FunctionName: name,
          Payload: payload,
          Qualifier: call.text('qualifier'),
          LogType: call.flag('tail') ? 'Tail' : undefined,
          InvocationType: call.flag('dry-run') ? 'DryRun' : undefined,
          ClientContext: context,
        },
        { silenceMsMax: INVOKE_MS_MAX },
      );
      const answer = await call.terminal.during(() => `${name} is running`, work);
      return call.json ? reportJson(call, answer) : report(call, answer);
    });
  },
};

async function payloadOf(text: string | undefined): Promise<Uint8Array | undefined> {
  if (text === undefined) return undefined;
  if (text === '-') return buffer(process.stdin);
  if (text.startsWith('@')) return readFile(text.slice(1));
  return Buffer.from(text);
}

function clientContext(call: Call): string | undefined {
  const text = call.text('client-context');
  if (text === undefined) return undefined;
  try {
    JSON.parse(text);
  } catch {
    throw new UsageError('--client-context is not JSON');
  }
  return Buffer.from(text).toString('base64');
}

function report(call: Call, answer: InvocationResponse): number {
  const { terminal } = call;
  const payload = answer.Payload ?? new Uint8Array();
  if (answer.LogResult !== undefined) terminal.note(decoded(answer.LogResult).trimEnd());
  if (call.flag('dry-run')) terminal.note('dry run: the invoke would be allowed');
  if (payload.length > 0) terminal.outBytes(payload);
  if (payload.length > 0 && payload.at(-1) !== 0x0a) terminal.outBytes(Buffer.from('\n'));
  if (answer.FunctionError === undefined) return EXIT_OK;
  terminal.note(`${terminal.paintNote('red', 'function error:')} ${answer.FunctionError}`);
  return EXIT_FAILED;
}

function reportJson(call: Call, answer: InvocationResponse): number {
  const { Payload, LogResult, ...rest } = answer;
  const text = Buffer.from(Payload ?? []).toString('utf8');
  const log = LogResult === undefined ? {} : { Log: decoded(LogResult) };
  call.terminal.out(JSON.stringify({ ...rest, ...log, ...(text === '' ? {} : { Payload: parsed(text) }) }, null, 2));
  return answer.FunctionError === undefined ? EXIT_OK : EXIT_FAILED;
}

/** Functions with a runtime of their own may answer anything. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function decoded(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}
