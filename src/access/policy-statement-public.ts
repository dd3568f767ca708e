/** Which statements let everyone in. */
import { ApiError } from '../model/api-error.ts';
import type { PolicyStatement } from './policy-statement.ts';
import type { PolicyPrincipal } from './policy-statement-principal.ts';

/** Keys that narrow everyone down to known callers, in lower case, provided that their values are fixed. */
const NARROWING_KEYS: readonly string[] = [
  'aws:principalaccount',
  'aws:principalarn',
  'aws:principalorgid',
  'aws:principalorgpaths',
  'aws:sourceaccount',
  'aws:sourcearn',
  'aws:sourceorgid',
  'aws:sourceorgpaths',
  'aws:sourcevpc',
  'aws:sourcevpce',
  'aws:userid',
];

/** `StringEquals`, `ArnLike` and their kin; a negated operator or one that passes where the key is missing narrows nothing. */
const NARROWING_OPERATOR = /^(?:ForAnyValue:)?(?:String|Arn)(?:Equals|EqualsIgnoreCase|Like)$/i;

/** Throws PublicPolicyException when one of the statements grants something to everyone. */
export function checkNotPublic(statements: readonly PolicyStatement[]): void {
  if (!statements.some(isPublic)) return;
  throw new ApiError(
    'PublicPolicyException',
    'Lambda prevented your policy from being created because it would grant public access to your function.',
  );
}

function isPublic({ Effect, Principal, NotPrincipal, Condition }: PolicyStatement): boolean {
  if (Effect !== 'Allow') return false;
  if (NotPrincipal === undefined && !isEveryone(Principal)) return false;
  return !Object.entries(Condition ?? {}).some(
    ([operator, keys]) =>
      NARROWING_OPERATOR.test(operator) &&
      Object.entries(keys).some(
        ([key, values]) => NARROWING_KEYS.includes(key.toLowerCase()) && [values].flat().every(isFixed),
      ),
  );
}

function isEveryone(principal: PolicyPrincipal | undefined): boolean {
  return principal === '*' || (principal !== undefined && [principal.AWS ?? []].flat().includes('*'));
}

/** A bucket's ARN ending in `*` is fixed enough; one that leaves its account or its name open is not. */
function isFixed(value: string | number | boolean): boolean {
  return !/^[*?]|^arn:[^:]*[*?]|^arn:[^:]*:[^:]*[*?]|:[*?]$/.test(String(value));
}
