/**
 * Reads the policy document that a caller attaches to a resource.
 *
 * AWS Lambda's own texts for a malformed document were not recorded, but for that of a principal.
 */
import { type ApiError, invalidParameter } from '../model/api-error.ts';
import { PolicyError, readPolicy } from './policy-document.ts';
import type { PolicyStatement } from './policy-statement.ts';
import {
  invalidPrincipal,
  isAwsPrincipal,
  isServicePrincipal,
  type PolicyPrincipal,
} from './policy-statement-principal.ts';
import type { KeptPolicy, PolicyVersion } from './resource-policy.ts';

/** What readPolicy has found to be a document of a resource policy. */
interface PolicyJson {
  readonly Version?: PolicyVersion;
  readonly Id?: unknown;
  readonly Statement: PolicyStatement | readonly PolicyStatement[];
}

/** What RemovePermission can name. */
const STATEMENT_ID = /^[a-zA-Z0-9-_.]{1,100}$/;

/** The policy in a document, its statements as they were written. Throws InvalidParameterValueException. */
export function readResourcePolicy(text: string, region: string): KeptPolicy {
  const { Version: version = '2008-10-17', Id: id, Statement: statement } = parseDocument(text);
  if (id !== undefined && typeof id !== 'string') throw malformed('Id is not a text');
  const statements = [statement].flat();
  if (statements.length === 0) throw malformed('it has no statements');
  checkStatementIds(statements);
  for (const { Principal, NotPrincipal } of statements) checkPrincipal(Principal ?? NotPrincipal ?? '*', region);
  return { version, ...(id === undefined ? {} : { id }), statements };
}

function parseDocument(text: string): PolicyJson {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw malformed('it is not JSON');
  }
  try {
    readPolicy(document, 'resource', 'it cannot be read');
  } catch (error) {
    if (error instanceof PolicyError) throw malformed(error.message);
    throw error;
  }
  return document as PolicyJson;
}

function checkStatementIds(statements: readonly PolicyStatement[]): void {
  const seen = new Set<string>();
  for (const { Sid: sid } of statements) {
    if (sid === undefined) continue;
    if (!STATEMENT_ID.test(sid)) throw malformed(`'${sid}' is not a statement id`);
    if (seen.has(sid)) throw malformed(`the statement id ${sid} is there twice`);
    seen.add(sid);
  }
}

/** A principal that has a form no principal has is told as AddPermission tells it. */
function checkPrincipal(principal: PolicyPrincipal, region: string): void {
  if (principal === '*') return;
  const { AWS: identities = [], Service: services = [] } = principal;
  const known =
    Object.values(principal).flat().length > 0 &&
    [identities].flat().every((text) => isAwsPrincipal(text, region)) &&
    [services].flat().every(isServicePrincipal);
  if (!known) throw invalidPrincipal();
}

function malformed(why: string): ApiError {
  return invalidParameter(`The resource policy is malformed: ${why}.`);
}
