/** Whether a text is a pattern, written from what the documentation says and sharing nothing with the parser. */
const OPERATORS = ['equals-ignore-case', 'prefix', 'suffix', 'anything-but', 'numeric', 'exists'];
const NUMERIC_MAX = 5e9;

/** `jsonOnly`: the field of the source's records that is no plain text. */
export function isNaivelyValid(text: string, jsonOnly: string | undefined): boolean {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return false;
  }
  return isPattern(json) && fitsData(json, jsonOnly);
}

type Fields = Readonly<Record<string, unknown>>;

function isFields(json: unknown): json is Fields {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function isPattern(json: unknown): json is Fields {
  if (!isFields(json) || Object.keys(json).length === 0) return false;
  return Object.entries(json).every(([name, value]) => {
    if (isOr(name, value)) return value.every(isPattern);
    if (!Array.isArray(value)) return isPattern(value);
    return value.length > 0 && value.every(isMatcher);
  });
}

function isOr(name: string, value: unknown): value is readonly Fields[] {
  if (name !== '$or' || !Array.isArray(value) || value.length < 2) return false;
  return value.every((one) => isFields(one) && !Object.keys(one).some((key) => OPERATORS.includes(key)));
}

function fitsData(pattern: Fields, jsonOnly: string | undefined): boolean {
  return Object.entries(pattern).every(([name, value]) => {
    if (isOr(name, value)) return value.every((one) => fitsData(one, jsonOnly));
    return !(name === jsonOnly && Array.isArray(value));
  });
}

function isMatcher(matcher: unknown): boolean {
  if (!isFields(matcher)) return !Array.isArray(matcher);
  const [[name, operand] = [], more] = Object.entries(matcher);
  if (more !== undefined) return false;
  switch (name) {
    case 'equals-ignore-case':
      return typeof operand === 'string';
    case 'prefix':
    case 'suffix':
      return typeof operand === 'string' || (isFields(operand) && isOnlyFolded(operand));
    case 'anything-but':
      return isAnythingBut(operand);
    case 'exists':
      return typeof operand === 'boolean';
    case 'numeric':
      return Array.isArray(operand) && isNumeric(operand);
    default:
      return false;
  }
}

function isOnlyFolded(operand: Fields): boolean {
  return Object.keys(operand).join() === 'equals-ignore-case' && typeof operand['equals-ignore-case'] === 'string';
}

function isAnythingBut(operand: unknown): boolean {
  const kinds = new Set((Array.isArray(operand) ? operand : [operand]).map((one) => typeof one));
  return kinds.size === 1 && (kinds.has('string') || kinds.has('number'));
}

function isNumeric([first, low, second, high, ...rest]: readonly unknown[]): boolean {
  const isBound = (one: unknown) => typeof one === 'number' && Math.abs(one) <= NUMERIC_MAX;
  if (!isBound(low) || rest.length > 0) return false;
  if (second === undefined && high === undefined) return ['=', '<', '<=', '>', '>='].some((one) => one === first);
  return (
    (first === '>' || first === '>=') &&
    (second === '<' || second === '<=') &&
    isBound(high) &&
    Number(low) < Number(high)
  );
}
