/**
 * Where the entries of a zip would come to lie, judged before anything is written: names that leave the root, entries
 * in each other's way, links that lead outside. Paths are relative, with `/`, without `.` or empty parts.
 */
import { posix } from 'node:path';

export type Layout = 'directory' | 'file' | 'link';

/** What a Linux file system takes as one name, and a path short enough to stay below PATH_MAX once it is mounted. */
const SEGMENT_BYTES_MAX = 255;
const PATH_BYTES_MAX = 3_072;

/** Entries and the directories above them, which a zip need not list: short names can ask for very many. */
const NODES_MAX = 200_000;

/** Links followed on the way to one target; Linux gives up at as many. */
const LINKS_FOLLOWED_MAX = 40;

/** The path in its plain form; '' is the root itself, undefined what cannot be unpacked safely. */
export function plainPath(name: string): string | undefined {
  if (name.includes('\0') || name.includes('\\') || name.startsWith('/') || /^[a-zA-Z]:/.test(name)) return undefined;
  if (Buffer.byteLength(name) > PATH_BYTES_MAX) return undefined;
  const segments = name.split('/').filter((segment) => segment !== '' && segment !== '.');
  for (const segment of segments)
    if (segment === '..' || Buffer.byteLength(segment) > SEGMENT_BYTES_MAX) return undefined;
  return segments.join('/');
}

/** The tree as it grows, entry by entry. */
export class Tree {
  readonly #kinds = new Map<string, Layout>();
  readonly #targets = new Map<string, string>();

  /** Takes an entry in, with the directories it needs; false when something else lies there, or there are too many. */
  add(path: string, kind: Layout): boolean {
    const present = this.#kinds.get(path);
    if (present !== undefined) return present === 'directory' && kind === 'directory';
    for (let parent = posix.dirname(path); parent !== '.'; parent = posix.dirname(parent)) {
      const above = this.#kinds.get(parent);
      if (above === 'directory') break;
      if (above !== undefined) return false;
      this.#kinds.set(parent, 'directory');
    }
    this.#kinds.set(path, kind);
    return this.#kinds.size <= NODES_MAX;
  }

  setTarget(path: string, target: string): void {
    this.#targets.set(path, target);
  }

  /** True when every link stays inside the root, also by way of other links. */
  linksStayInside(): boolean {
    for (const [path, target] of this.#targets) if (!this.#staysInside(path, target)) return false;
    return true;
  }

  #staysInside(path: string, target: string): boolean {
    if (target === '' || target.startsWith('/') || target.includes('\0')) return false;
    const place = segmentsOf(posix.dirname(path));
    const rest = segmentsOf(target).reverse();
    let followed = 0;
    for (let segment = rest.pop(); segment !== undefined; segment = rest.pop()) {
      if (segment === '..') {
        if (place.pop() === undefined) return false;
        continue;
      }
      place.push(segment);
      const further = this.#targets.get(place.join('/'));
      if (further === undefined) continue;
      if (++followed > LINKS_FOLLOWED_MAX || further.startsWith('/')) return false;
      place.pop();
      rest.push(...segmentsOf(further).reverse());
    }
    return true;
  }
}

function segmentsOf(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '' && segment !== '.');
}
