/** JSON as a tree that keeps how its numbers are written, made into text in the many ways JSON allows. */
export type Tree =
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'number'; readonly text: string }
  | { readonly type: 'word'; readonly value: boolean | null }
  | { readonly type: 'array'; readonly items: readonly Tree[] }
  | { readonly type: 'object'; readonly fields: readonly (readonly [name: string, value: Tree])[] };

export function str(value: string): Tree {
  return { type: 'string', value };
}
export function num(text: string): Tree {
  return { type: 'number', text };
}
export function word(value: boolean | null): Tree {
  return { type: 'word', value };
}
export function arr(items: readonly Tree[]): Tree {
  return { type: 'array', items };
}
export function obj(fields: readonly (readonly [name: string, value: Tree])[]): Tree {
  return { type: 'object', fields };
}

/** Of what JSON.parse gives. */
export function treeOf(value: unknown): Tree {
  if (typeof value === 'string') return str(value);
  if (typeof value === 'number') return num(String(value));
  if (typeof value === 'boolean' || value === null) return word(value);
  if (Array.isArray(value)) return arr(value.map(treeOf));
  return obj(Object.entries(value as object).map(([name, one]) => [name, treeOf(one)]));
}

/** With spaces, escapes, and keys that come again with another value, the last of which is the tree's. */
export function writeTree(tree: Tree, random: () => number): string {
  const space = () => (random() < 0.9 ? '' : ([' ', '\n', '\t', '\r\n  '][Math.floor(random() * 4)] ?? ''));
  const text = (value: string) => {
    if (random() < 0.9) return JSON.stringify(value);
    return `"${[...value]
      .flatMap((one) => one.split(''))
      .map(escaped)
      .join('')}"`;
  };
  const list = (open: string, parts: readonly string[], close: string) =>
    `${open}${space()}${parts.map((part) => `${part}${space()}`).join(`,${space()}`)}${close}`;
  const write = (one: Tree): string => {
    switch (one.type) {
      case 'string':
        return text(one.value);
      case 'number':
        return one.text;
      case 'word':
        return String(one.value);
      case 'array':
        return list('[', one.items.map(write), ']');
      case 'object': {
        const fields = one.fields.map(([name, value]) => `${text(name)}${space()}:${space()}${write(value)}`);
        const [first] = one.fields;
        if (first && random() < 0.05) fields.unshift(`${text(first[0])}:["x",{"b":1}]`);
        return list('{', fields, '}');
      }
    }
  };
  return `${space()}${write(tree)}${space()}`;
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
