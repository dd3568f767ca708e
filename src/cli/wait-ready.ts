import { setTimeout as sleep } from 'node:timers/promises';
import type { FunctionConfiguration } from '../model/types.gen.ts';
import type { Client } from './client.ts';
import { CommandFailure } from './failure.ts';
import { callLambda } from './lambda-api.ts';

/** The first use of a runtime may have to fetch it; beyond this something hangs. */
const READY_MS_MAX = 15 * 60_000;
const POLL_MS_MIN = 50;
const POLL_MS_MAX = 1000;

/**
 * Waits until a function, or one version of it, is Active and no update of it is under way. Throws CommandFailure with
 * the server's reason when creation or update failed.
 */
export async function waitReady(client: Client, name: string, qualifier?: string): Promise<FunctionConfiguration> {
  const deadline = performance.now() + READY_MS_MAX;
  for (let pollMs = POLL_MS_MIN; ; pollMs = Math.min(pollMs * 2, POLL_MS_MAX)) {
    const view = await callLambda(client, 'GetFunctionConfiguration', { FunctionName: name, Qualifier: qualifier });
    if (view.State === 'Failed' && view.LastUpdateStatus !== 'InProgress')
      throw new CommandFailure(failureText(name, 'Failed', view.StateReason, view.StateReasonCode));
    if (view.State !== 'Pending' && view.LastUpdateStatus !== 'InProgress') {
      if (view.LastUpdateStatus !== 'Failed') return view;
      const { LastUpdateStatusReason: reason, LastUpdateStatusReasonCode: code } = view;
      throw new CommandFailure(failureText(name, 'not updated', reason, code));
    }
    if (performance.now() > deadline)
      throw new CommandFailure(
        `${name} is still ${view.State === 'Pending' ? 'Pending' : 'updating'} after 15 minutes`,
      );
    await sleep(pollMs);
  }
}

function failureText(name: string, what: string, reason: string | undefined, code: string | undefined): string {
  return `${name} is ${what}: ${reason ?? 'no reason given'}${code === undefined ? '' : ` (${code})`}`;
}
