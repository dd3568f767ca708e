import { shapeNamed } from './json-value.ts';

/** A refused value is shown so far; AWS shows all of it, which for a package of megabytes helps nobody. */
const RENDERED_CHARS_MAX = 10_000;

export function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

/** Without what sets the shapes of another service apart. */
function bareName(shapeName: string): string {
  return shapeName.slice(shapeName.indexOf(':') + 1);
}

/** Numbers as Java prints them: a double always has a fraction. */
export function renderNumber(value: number, type: string): string {
  return type === 'double' && Number.isInteger(value) ? `${value}.0` : String(value);
}

function render(shapeName: string, value: unknown): string {
  if (value === null || value === undefined) return 'null';
  const shape = shapeNamed(shapeName);
  switch (shape.type) {
    case 'list':
      return `[${(value as unknown[]).map((element) => render(shape.member ?? '', element)).join(', ')}]`;
    case 'map':
      return `{${Object.entries(value)
        .map(([key, entry]) => `${key}=${render(shape.value ?? '', entry)}`)
        .join(', ')}}`;
    case 'structure':
      return `${bareName(shapeName)}(${Object.entries(shape.members ?? {})
        .map(
          ([name, member]) => `${lowerFirst(name)}=${render(member.shape, (value as Record<string, unknown>)[name])}`,
        )
        .join(', ')})`;
    case 'blob': {
      const { byteLength } = value as Uint8Array;
      return `java.nio.HeapByteBuffer[pos=0 lim=${byteLength} cap=${byteLength}]`;
    }
    case 'timestamp':
      return (value as Date).toISOString();
    case 'double':
      return renderNumber(value as number, 'double');
    default:
      return String(value);
  }
}

/**
 * A refused value as AWS's texts show it: `Value 'x'`, `Value '[a, b]'`, `Value '{k=v}'`, `Value null`; only `Value`
 * when the model marks it as sensitive.
 */
export function renderValue(shapeName: string, value: unknown): string {
  if (value === null || value === undefined) return 'Value null';
  if (shapeNamed(shapeName).sensitive) return 'Value';
  const text = render(shapeName, value);
  return `Value '${text.length > RENDERED_CHARS_MAX ? `${text.slice(0, RENDERED_CHARS_MAX)}...` : text}'`;
}
