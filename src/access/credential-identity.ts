/** Who owns a key of the credentials file: the members `user`, `role`, `session`, `organization`, `tags`, `policies`. */
import type { Identity } from './identity.ts';
import { type Policy, PolicyError, readPolicy } from './policy-document.ts';

/** One member of the file that has not its form; the message goes behind the place of the key. */
export class IdentityError extends Error {}

/** The text of a file that is named in the credentials file. */
export type ReadBeside = (path: string) => string;

type Entry = Readonly<Record<string, unknown>>;

const NAME = /^(?:[\w+=,.@-]+\/)*[\w+=,.@-]+$/;
const SESSION = /^[\w+=,.@-]{2,64}$/;
const ORGANIZATION = /^o-[a-z0-9]{10,32}$/;
const ARN = /^arn:[a-z-]+:iam::(\d{12}):(user|role)\/(.+)$/;

/**
 * Undefined for a key that is just the root of its account. A role's session is named after the key unless it says
 * otherwise.
 *
 * @throws IdentityError
 */
export function readIdentity(
  entry: Entry,
  account: string,
  accessKeyId: string,
  readBeside: ReadBeside,
): Identity | undefined {
  const user = readName(entry, 'user', account);
  const role = readName(entry, 'role', account);
  const session = readText(entry, 'session', SESSION);
  const organization = readText(entry, 'organization', ORGANIZATION);
  const tags = readTags(entry['tags']);
  if (user !== undefined && role !== undefined) throw new IdentityError('it is a user or a role, not both');
  if (role === undefined && session !== undefined) throw new IdentityError('only a role has a session');
  const name = user ?? role;
  const common = { tags, ...(organization === undefined ? {} : { organization }) };
  if (name === undefined) {
    if (entry['policies'] !== undefined) throw new IdentityError('policies are for a user or a role: root may do all');
    const isPlain = organization === undefined && Object.keys(tags).length === 0;
    return isPlain ? undefined : { kind: 'root', name: '', policies: [], ...common };
  }
  const policies = readPolicies(entry['policies'], readBeside);
  if (user !== undefined) return { kind: 'user', name, policies, ...common };
  return { kind: 'role', name, session: session ?? accessKeyId, policies, ...common };
}

function readName(entry: Entry, kind: 'user' | 'role', account: string): string | undefined {
  const text = readText(entry, kind, /./);
  if (text === undefined) return undefined;
  const [, owner, arnKind, arnName] = ARN.exec(text) ?? [];
  if (owner !== undefined && (owner !== account || arnKind !== kind))
    throw new IdentityError(`${kind} is not a ${kind} of account ${account}: ${text}`);
  const name = arnName ?? text;
  if (!NAME.test(name)) throw new IdentityError(`${kind} is not a name: ${text}`);
  return name;
}

function readText(entry: Entry, member: string, form: RegExp): string | undefined {
  const value = entry[member];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || !form.test(value)) throw new IdentityError(`${member} has not its form`);
  return value;
}

function readTags(value: unknown): Readonly<Record<string, string>> {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw new IdentityError('tags is not an object');
  if (Object.values(value).some((one) => typeof one !== 'string')) throw new IdentityError('a tag is not a text');
  return value as Readonly<Record<string, string>>;
}

/** Documents, and names of files that hold one document or a list of them. */
function readPolicies(value: unknown, readBeside: ReadBeside): readonly Policy[] {
  if (value === undefined || value === null) return [];
  const given: readonly unknown[] = Array.isArray(value) ? value : [value];
  return given.flatMap((one, at) => {
    const where = typeof one === 'string' ? one : `policy ${at + 1}`;
    const documents: unknown = typeof one === 'string' ? readFile(one, readBeside) : one;
    return [documents].flat().map((document) => readDocument(document, where));
  });
}

function readFile(path: string, readBeside: ReadBeside): unknown {
  let text: string;
  try {
    text = readBeside(path);
  } catch (error) {
    throw new IdentityError(`the policy ${path} cannot be read: ${(error as Error).message}`);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new IdentityError(`the policy ${path} is not JSON`);
  }
}

function readDocument(document: unknown, where: string): Policy {
  try {
    return readPolicy(document, 'identity', where);
  } catch (error) {
    if (error instanceof PolicyError) throw new IdentityError(error.message);
    throw error;
  }
}
