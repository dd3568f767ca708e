/** Patterns spoilt, or not, in the ways that people and programs spoil them. */
import { arr, num, obj, str, type Tree, word } from './json-tree.ts';

type Random = () => number;

/** A text near to the pattern's: one place in its structure changed, or a few of its characters, or both. */
export function mutatePattern(pattern: Tree, write: (tree: Tree) => string, random: Random): string {
  const share = random();
  const text = write(share < 0.7 ? mutateTree(pattern, random) : pattern);
  return share < 0.6 ? text : mutateText(text, random);
}

const REPLACEMENTS: readonly Tree[] = [
  ...[str('x'), num('5'), num('-1e400'), word(null), word(true), arr([]), obj([]), arr([arr([str('x')])])],
  ...[arr([str('x')]), arr([obj([])]), obj([['b', arr([str('x')])]]), arr([str('>'), num('5000000001')])],
];
const NAMES = [
  'exists',
  'prefix',
  'wildcard',
  'cidr',
  'anything-but',
  'numeric',
  '$or',
  '__proto__',
  'constructor',
  '',
];

function mutateTree(tree: Tree, random: Random): Tree {
  const nodes = countNodes(tree);
  let left = Math.floor(random() * nodes);
  const walk = (one: Tree): Tree => {
    if (left-- === 0) return changed(one, random);
    if (one.type === 'array') return arr(one.items.map(walk));
    if (one.type === 'object') return obj(one.fields.map(([name, value]) => [name, walk(value)]));
    return one;
  };
  return walk(tree);
}

function countNodes(tree: Tree): number {
  const inner =
    tree.type === 'array' ? tree.items : tree.type === 'object' ? tree.fields.map(([, value]) => value) : [];
  return 1 + inner.reduce((sum, one) => sum + countNodes(one), 0);
}

function changed(tree: Tree, random: Random): Tree {
  const replacement = pick(REPLACEMENTS, random);
  if (random() < 0.4) return replacement;
  if (tree.type === 'array') {
    const at = Math.floor(random() * (tree.items.length + 1));
    return arr(random() < 0.5 ? tree.items.toSpliced(at, 1) : tree.items.toSpliced(at, 0, replacement));
  }
  if (tree.type !== 'object') return arr([tree]);
  if (random() < 0.3) return obj([...tree.fields, [pick(NAMES, random), replacement]]);
  if (random() < 0.3) return obj(tree.fields.slice(1));
  return obj(tree.fields.map(([, value]) => [pick(NAMES, random), value]));
}

const PIECES = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  ':',
  '\\',
  '0',
  '-',
  'e',
  '.',
  ' ',
  '\u0000',
  '\ufeff',
  '\ud800',
  'null',
  '$or',
];

function mutateText(text: string, random: Random): string {
  let mutated = text;
  const changes = 1 + Math.floor(random() * 3);
  for (let change = 0; change < changes; change++) {
    const at = Math.floor(random() * mutated.length);
    const cut = random() < 0.5 ? 1 : 0;
    mutated = mutated.slice(0, at) + (random() < 0.6 ? pick(PIECES, random) : '') + mutated.slice(at + cut);
  }
  return random() < 0.05 ? mutated.slice(0, Math.floor(random() * mutated.length)) : mutated;
}

function pick<T>(from: readonly T[], random: Random): T {
  const picked = from[Math.floor(random() * from.length)];
  if (picked === undefined) throw new Error('nothing to pick from');
  return picked;
}
