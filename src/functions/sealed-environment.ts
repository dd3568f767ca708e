/** Environment variables at rest: sealed under the function's ARN, and under its KMS key where there is one. */
import { functionArn } from '../base/arn.ts';
import { ApiError } from '../model/api-error.ts';
import type { EnvironmentResponse } from '../model/types.gen.ts';
import { environmentError, refusalOf } from '../neighbours/refusals.ts';
import { KeyUnusable, type Sealed, type SealOptions, type Vault } from '../neighbours/vault.ts';
import type { Namespace } from '../store/namespace.ts';
import type { Settings } from './records.ts';

export type Variables = Readonly<Record<string, string>>;

/** Rejects with KeyUnusable. */
export async function sealVariables(
  vault: Vault,
  namespace: Namespace,
  functionName: string,
  variables: Variables,
  keyArn: string | undefined,
): Promise<Sealed> {
  const text = Buffer.from(JSON.stringify(variables));
  return vault.seal(text, sealOptions(namespace, functionName, keyArn));
}

/** The variables in clear, undefined when the function has none. Rejects with KeyUnusable. */
export async function openVariables(
  vault: Vault,
  namespace: Namespace,
  functionName: string,
  { environment, kept }: Pick<Settings, 'environment' | 'kept'>,
): Promise<Variables | undefined> {
  if (environment === undefined) return undefined;
  if (!isSealed(environment)) return environment;
  const text = await vault.open(
    environment,
    sealOptions(namespace, functionName, kept.KMSKeyArn as string | undefined),
  );
  return JSON.parse(Buffer.from(text).toString()) as Variables;
}

/**
 * Records of before variables were sealed hold them in clear, until the function is configured the next time. Theirs may
 * be called `box` too: what is sealed is long, and never has a text for its `kms`.
 */
export function isSealed(environment: Sealed | Variables): environment is Sealed {
  const { box, kms } = environment;
  if (box === undefined || box.length < BOX_LETTERS_MIN || typeof kms === 'string') return false;
  return Object.keys(environment).every((name) => SEALED.has(name));
}

const SEALED: ReadonlySet<string> = new Set(['box', 'kms'] satisfies (keyof Sealed)[]);
/** Nonce, tag and the `{}` of no variables at all, in base64. */
const BOX_LETTERS_MIN = 40;

/** The variables as answers show them: in clear, or why they cannot be read. */
export async function viewEnvironment(
  vault: Vault,
  namespace: Namespace,
  functionName: string,
  settings: Settings,
): Promise<EnvironmentResponse | undefined> {
  if (settings.environment === undefined) return undefined;
  try {
    return { Variables: await openVariables(vault, namespace, functionName, settings) };
  } catch (error) {
    if (error instanceof KeyUnusable) return { Error: environmentError(error) };
    const refusal = refusalOf(error);
    // A KMS that fails or is silent hides the variables, and not the function, nor the list that it stands in.
    if (refusal === error || !(refusal instanceof ApiError)) throw error;
    return { Error: { ErrorCode: refusal.name, Message: refusal.message } };
  }
}

/** Every version has the function's own ARN as its context: publishing copies what is sealed. */
function sealOptions(namespace: Namespace, functionName: string, keyArn: string | undefined): SealOptions {
  const arn = functionArn(namespace.region, namespace.account, functionName);
  return { namespace, context: { 'aws:lambda:FunctionArn': arn }, keyArn };
}
