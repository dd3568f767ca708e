/** Whether a role's trust policy lets AWS Lambda assume it. */
import { roleRefusal } from './refusals.ts';

const LAMBDA = 'lambda.amazonaws.com';
const ASSUME = 'sts:assumerole';

/**
 * Throws InvalidParameterValueException when no statement allows Lambda to assume the role, or one denies it. Conditions
 * count as met: they are about whom the role is assumed for, which is known only then.
 */
export function checkTrust(trustPolicy: string): void {
  const statements = statementsOf(trustPolicy);
  const matching = statements.filter(({ Principal, Action }) => namesLambda(Principal) && coversAssume(Action));
  const denied = matching.some(({ Effect, Condition }) => Effect === 'Deny' && Condition === undefined);
  if (denied || !matching.some(({ Effect }) => Effect === 'Allow')) throw roleRefusal();
}

interface Statement {
  readonly Effect?: unknown;
  readonly Principal?: unknown;
  readonly Action?: unknown;
  readonly Condition?: unknown;
}

function statementsOf(text: string): readonly Statement[] {
  try {
    return listOf((JSON.parse(text) as { Statement?: unknown }).Statement).map((one) => Object(one) as Statement);
  } catch {
    return [];
  }
}

function namesLambda(principal: unknown): boolean {
  if (principal === '*') return true;
  const { Service, AWS } = Object(principal) as { Service?: unknown; AWS?: unknown };
  return listOf(Service).includes(LAMBDA) || listOf(AWS).includes('*');
}

function coversAssume(action: unknown): boolean {
  return listOf(action).some((one) => {
    const pattern = String(one).toLowerCase();
    return pattern.endsWith('*') ? ASSUME.startsWith(pattern.slice(0, -1)) : pattern === ASSUME;
  });
}

function listOf(value: unknown): readonly unknown[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}
