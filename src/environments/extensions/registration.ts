/** The body of a registration: `{"events":["INVOKE","SHUTDOWN"]}`. */
export type Registration =
  | { readonly events: readonly string[] }
  /** What is wrong with it, in the words of Go's JSON package as far as they are known. */
  | { readonly problem: string };

const EVENTS_MAX = 100;

export function readRegistration(body: Buffer, tooLarge: boolean): Registration {
  if (tooLarge) return { problem: 'http: request body too large' };
  const text = body.toString();
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    return { problem: syntaxProblem(text) };
  }
  if (typeof given !== 'object' || Array.isArray(given))
    return { problem: `json: cannot unmarshal ${kindOf(given)} into Go value` };
  const { events, configurationKeys } = (given ?? {}) as Record<string, unknown>;
  for (const [name, value] of Object.entries({ events, configurationKeys })) {
    if (value == null) continue;
    if (!Array.isArray(value)) return { problem: wrongType(value, name) };
    const other = value.find((entry) => typeof entry !== 'string');
    if (other !== undefined) return { problem: wrongType(other, name) };
  }
  if (Array.isArray(configurationKeys) && configurationKeys.length > 0)
    return { problem: 'configurationKeys are deprecated; use environment variables instead' };
  return { events: ((events ?? []) as string[]).slice(0, EVENTS_MAX) };
}

function syntaxProblem(text: string): string {
  const trimmed = text.trimStart();
  const first = trimmed.charAt(0);
  if (first === '' || /^[[{"]/.test(first)) return 'unexpected end of JSON input';
  return `invalid character '${first}' looking for beginning of value`;
}

function wrongType(value: unknown, field: string): string {
  return `json: cannot unmarshal ${kindOf(value)} into Go struct field .${field}`;
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return value === null ? 'null' : typeof value;
}
