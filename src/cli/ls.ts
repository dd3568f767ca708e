import type { FunctionConfiguration } from '../model/types.gen.ts';
import { type Client, withClient } from './client.ts';
import { type Command, serverOptions } from './command.ts';
import { connectionOf } from './connection.ts';
import { ApiFailure, EXIT_OK } from './failure.ts';
import { callLambda } from './lambda-api.ts';
import type { Terminal } from './terminal.ts';

/** ListFunctions leaves the state out, as AWS's does: so many functions are asked for theirs at once. */
const ASKED_AT_ONCE = 8;

export const command: Command = {
  operands: { min: 0, max: 0 },
  options: serverOptions,
  notes: ['Exit codes: 0 listed (also when there is none); 1 the server cannot be asked.'],
  async run(call) {
    const functions = await withClient(connectionOf(call), (client) =>
      call.terminal.during(() => 'listing the functions', allFunctions(client)),
    );
    if (call.json) call.terminal.out(JSON.stringify(functions, null, 2));
    else if (functions.length === 0) call.terminal.note('no functions yet: lambdad deploy DIR makes one');
    else printTable(call.terminal, functions);
    return EXIT_OK;
  },
};

async function allFunctions(client: Client): Promise<FunctionConfiguration[]> {
  const found: FunctionConfiguration[] = [];
  let marker: string | undefined;
  do {
    const page = await callLambda(client, 'ListFunctions', { Marker: marker });
    found.push(...(page.Functions ?? []));
    marker = page.NextMarker === '' ? undefined : page.NextMarker;
  } while (marker !== undefined);
  for (let from = 0; from < found.length; from += ASKED_AT_ONCE) {
    const asked = found.slice(from, from + ASKED_AT_ONCE).map((view) => withState(client, view));
    found.splice(from, ASKED_AT_ONCE, ...(await Promise.all(asked)));
  }
  return found;
}

async function withState(client: Client, view: FunctionConfiguration): Promise<FunctionConfiguration> {
  if (view.State !== undefined || view.FunctionName === undefined) return view;
  try {
    return await callLambda(client, 'GetFunctionConfiguration', { FunctionName: view.FunctionName });
  } catch (error) {
    // Deleted since it was listed.
    if (error instanceof ApiFailure && error.code === 'ResourceNotFoundException')
      return { ...view, State: 'Deleting' };
    throw error;
  }
}

function printTable(terminal: Terminal, functions: readonly FunctionConfiguration[]): void {
  const head = ['NAME', 'RUNTIME', 'MEMORY', 'TIMEOUT', 'STATE', 'MODIFIED'];
  const rows = functions.map((view) => [
    view.FunctionName ?? '',
    view.Runtime ?? view.PackageType ?? '',
    `${view.MemorySize ?? '?'} MB`,
    `${view.Timeout ?? '?'} s`,
    stateText(view),
    (view.LastModified ?? '').replace(/\.\d+\+0000$/, 'Z'),
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]!.length)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd();
  terminal.out(terminal.paint('bold', line(head)));
  for (const row of rows) terminal.out(line(row));
}

function stateText(view: FunctionConfiguration): string {
  if (view.LastUpdateStatus === 'InProgress') return `${view.State} (updating)`;
  if (view.LastUpdateStatus === 'Failed') return `${view.State} (update failed)`;
  return view.State ?? '';
}
