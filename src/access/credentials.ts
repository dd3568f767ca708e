import { readFileSync } from 'node:fs';
import { open, readFile, rename, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Ids } from '../base/ids.ts';
import { accountOf, DEFAULT_ACCOUNT, type Secret } from '../protocol/sigv4.ts';
import { randomAccessKey } from './access-key.ts';
import { IdentityError, type ReadBeside, readIdentity } from './credential-identity.ts';
import type { Identity } from './identity.ts';

/** The credentials file cannot be read or does not have its form: said in one line, exit 1. */
export class CredentialsError extends Error {}

/** The access keys that `sigv4` accepts. */
export interface Credentials {
  findSecret(accessKeyId: string): Secret | undefined;
  /** Who owns a key; undefined for one that is just the root of its account. */
  findIdentity(accessKeyId: string): Identity | undefined;
  /** The role of that name (with its path) in an account, whoever has keys for it; undefined when the file names none. */
  findRole(account: string, name: string): Identity | undefined;
  /** True when the file was not there and has just been made, with one random key. */
  readonly created: boolean;
  /** True when other users of the machine may read the secrets. */
  readonly exposed: boolean;
}

/** A key of the file. */
export interface Key extends Secret {
  /** Absent: the root of the account. */
  readonly identity?: Identity;
}

const ACCESS_KEY_ID = /^[\w-]{3,128}$/;
const ACCOUNT = /^\d{12}$/;
/** Only the owner may read the file. */
const FILE_MODE = 0o600;
const OTHERS_MODE = 0o077;

function text(entry: object, name: string, where: string): string | undefined {
  const value = (entry as Record<string, unknown>)[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || value === '') throw new CredentialsError(`${where}: ${name} is not a text`);
  return value;
}

function readKey(entry: unknown, where: string, readBeside: ReadBeside): readonly [string, Key] {
  if (typeof entry !== 'object' || entry === null) throw new CredentialsError(`${where} is not an object`);
  const accessKeyId = text(entry, 'accessKeyId', where);
  const secretAccessKey = text(entry, 'secretAccessKey', where);
  if (!accessKeyId || !ACCESS_KEY_ID.test(accessKeyId)) throw new CredentialsError(`${where} has no valid accessKeyId`);
  if (!secretAccessKey) throw new CredentialsError(`${where} has no secretAccessKey`);
  const sessionToken = text(entry, 'sessionToken', where);
  const account = text(entry, 'account', where) ?? accountOf(accessKeyId);
  if (!ACCOUNT.test(account)) throw new CredentialsError(`${where}: account is not 12 digits`);
  const expiration = text(entry, 'expiration', where);
  const expiresAtMs = expiration === undefined ? undefined : Date.parse(expiration);
  if (Number.isNaN(expiresAtMs)) throw new CredentialsError(`${where}: expiration is not a date`);
  const identity = identityOf(entry, account, accessKeyId, { where, readBeside });
  return [
    accessKeyId,
    {
      secretAccessKey,
      account,
      ...(identity === undefined ? {} : { identity }),
      ...(sessionToken === undefined ? {} : { sessionToken }),
      ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
    },
  ];
}

function identityOf(
  entry: object,
  account: string,
  accessKeyId: string,
  { where, readBeside }: { readonly where: string; readonly readBeside: ReadBeside },
): Identity | undefined {
  try {
    return readIdentity(entry as Record<string, unknown>, account, accessKeyId, readBeside);
  } catch (error) {
    if (error instanceof IdentityError) throw new CredentialsError(`${where}: ${error.message}`);
    throw error;
  }
}

/** What a credentials file says: its keys by their ids, and its roles by `account/name`. */
export interface CredentialsText {
  readonly keys: ReadonlyMap<string, Key>;
  readonly roles: ReadonlyMap<string, Identity>;
}

/**
 * Reads the text of a credentials file: `{"keys":[{accessKeyId, secretAccessKey, sessionToken?, account?, expiration?,
 * user? | role?, session?, organization?, tags?, policies?}], "roles":[{role, account?, organization?, tags?,
 * policies?}]?}`. Policies are documents, or names of files beside it. A role is what `roles` says of it, otherwise what
 * the first key that belongs to it says.
 *
 * @throws CredentialsError
 */
export function parseCredentials(json: string, path: string): CredentialsText {
  let document: unknown;
  try {
    document = JSON.parse(json);
  } catch {
    throw new CredentialsError(`${path} is not JSON`);
  }
  const { keys, roles: ownRoles = [] } = Object(document) as { readonly keys?: unknown; readonly roles?: unknown };
  if (!Array.isArray(keys) || keys.length === 0) throw new CredentialsError(`${path} has no list "keys"`);
  if (!Array.isArray(ownRoles)) throw new CredentialsError(`${path}: "roles" is no list`);
  const secrets = new Map<string, Key>();
  const roles = new Map<string, Identity>();
  const readBeside: ReadBeside = (name) => readFileSync(resolve(dirname(path), name), 'utf8');
  for (const [i, entry] of ownRoles.entries()) {
    const [name, role] = readRole(entry, `${path}: role ${i + 1}`, readBeside);
    if (roles.has(name)) throw new CredentialsError(`${path}: the role ${name} is there twice`);
    roles.set(name, role);
  }
  for (const [i, entry] of keys.entries()) {
    const [id, secret] = readKey(entry, `${path}: key ${i + 1}`, readBeside);
    if (secrets.has(id)) throw new CredentialsError(`${path}: ${id} is there twice`);
    secrets.set(id, secret);
    const { identity, account } = secret;
    const name = identity?.kind === 'role' ? roleKey(account, identity.name) : undefined;
    if (identity !== undefined && name !== undefined && !roles.has(name)) roles.set(name, identity);
  }
  return { keys: secrets, roles };
}

function readRole(entry: unknown, where: string, readBeside: ReadBeside): readonly [string, Identity] {
  if (typeof entry !== 'object' || entry === null) throw new CredentialsError(`${where} is not an object`);
  const account = text(entry, 'account', where) ?? DEFAULT_ACCOUNT;
  if (!ACCOUNT.test(account)) throw new CredentialsError(`${where}: account is not 12 digits`);
  const identity = identityOf(entry, account, '', { where, readBeside });
  if (identity?.kind !== 'role') throw new CredentialsError(`${where} has no role`);
  return [roleKey(account, identity.name), identity];
}

function roleKey(account: string, name: string): string {
  return `${account}/${name}`;
}

/** Written beside and renamed, so that a crash leaves no half a file. */
async function writeNew(path: string, json: string): Promise<void> {
  const draft = `${path}.new`;
  const file = await open(draft, 'w', FILE_MODE);
  try {
    await file.chmod(FILE_MODE);
    await file.writeFile(json);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
}

/**
 * Reads the credentials file, or makes one with a random key and mode 0600 when there is none.
 *
 * @throws CredentialsError
 */
export async function loadCredentials(path: string, ids: Ids): Promise<Credentials> {
  let json: string;
  let created = false;
  try {
    json = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new CredentialsError(`${path} cannot be read: ${(error as Error).message}`);
    json = `${JSON.stringify({ keys: [randomAccessKey(ids, 'AKIA')] }, null, 2)}\n`;
    await writeNew(path, json);
    created = true;
  }
  const { keys, roles } = parseCredentials(json, path);
  return {
    findSecret: (accessKeyId) => keys.get(accessKeyId),
    findIdentity: (accessKeyId) => keys.get(accessKeyId)?.identity,
    findRole: (account, name) => roles.get(roleKey(account, name)),
    created,
    exposed: ((await stat(path)).mode & OTHERS_MODE) !== 0,
  };
}
