import { loadCredentials } from '../access/credentials.ts';
import { FunctionKeys } from '../access/function-keys.ts';
import type { Clock } from '../base/clock.ts';
import type { Ids } from '../base/ids.ts';
import type { Authentication } from './authentication.ts';

export interface CallersOptions {
  readonly auth: 'open' | 'sigv4';
  /** Of the access keys; made with one random key where it is asked for and not there. */
  readonly credentialsPath: string;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** How callers are known, and the keys of functions among them. `lines`: what to tell whoever started the server. */
export async function openCallers({ auth, credentialsPath: path, clock, ids }: CallersOptions) {
  const credentials = auth === 'sigv4' ? await loadCredentials(path, ids) : undefined;
  const functionKeys = new FunctionKeys({
    clock,
    ids,
    findRole: (account, name) => credentials?.findRole(account, name),
  });
  const lines: string[] = [];
  if (credentials === undefined) {
    const findAccount = (accessKeyId: string, token: string | undefined) =>
      functionKeys.findAccount(accessKeyId, token);
    const authentication: Authentication = { mode: 'open', findAccount };
    return { authentication, functionKeys, lines };
  }
  lines.push(`access keys: ${path}${credentials.created ? ' (made just now, with one random key)' : ''}`);
  if (credentials.exposed) lines.push(`warning:  other users may read the access keys in ${path}: chmod 600`);
  const authentication: Authentication = {
    mode: 'sigv4',
    findSecret: (id) => credentials.findSecret(id) ?? functionKeys.findSecret(id),
    findIdentity: (id) => credentials.findIdentity(id) ?? functionKeys.findIdentity(id),
  };
  return { authentication, functionKeys, lines };
}
