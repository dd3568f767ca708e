/**
 * Where the entries of a zip would come to lie, judged before anything is written: names that leave the root, entries
 * in each other's way, links that lead outside. Paths are relative, with `/`, without `.` or empty parts.
 */
import { posix } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';

export type Layout = 'directory' | 'file' | 'link';

/** What a Linux file system takes as one name, and a path short enough to stay below PATH_MAX once it is mounted. */
const SEGMENT_BYTES_MAX = 255;
const PATH_BYTES_MAX = 3_072;

/** Entries and the directories above them, which a zip need not list: short names can ask for very many. */
const NODES_MAX = 200_000;

/** Links followed on the way to one target; Linux gives up at as many. */
const LINKS_FOLLOWED_MAX = 40;

/** Names stepped over on the way to all targets of a zip together; a hundred thousand ordinary links need fewer. */
const STEPS_MAX = 2_000_000;

/** Cutting so many characters takes as long as a step. */
const CHARACTERS_PER_STEP = 16;

/** Others run after so many. */
const STEPS_AT_ONCE_MAX = 20_000;

/** A place in the tree, as far as links lie at or below it. */
interface LinkPlace {
  readonly below: Map<string, LinkPlace>;
  target?: string;
}

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
  readonly #links: LinkPlace = { below: new Map() };
  #steps = 0;

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
    let place = this.#links;
    for (const segment of segmentsOf(path)) {
      let next = place.below.get(segment);
      if (!next) {
        next = { below: new Map() };
        place.below.set(segment, next);
      }
      place = next;
    }
    place.target = target;
  }

  /** True when every link stays inside the root, also by way of other links, and that shows within STEPS_MAX. */
  async linksStayInside(): Promise<boolean> {
    let resumeAt = STEPS_AT_ONCE_MAX;
    for (const [path, target] of this.#targets) {
      if (!this.#staysInside(path, target) || this.#steps > STEPS_MAX) return false;
      if (this.#steps < resumeAt) continue;
      resumeAt = this.#steps + STEPS_AT_ONCE_MAX;
      await nextTurn();
    }
    return true;
  }

  #staysInside(path: string, target: string): boolean {
    if (target === '' || target.startsWith('/') || target.includes('\0')) return false;
    // The places on the way from the root; undefined where no link lies at or below.
    const way: (LinkPlace | undefined)[] = [this.#links];
    for (const segment of this.#cut(posix.dirname(path))) way.push(way.at(-1)?.below.get(segment));
    const rest = this.#cut(target).reverse();
    let followed = 0;
    for (let segment = rest.pop(); segment !== undefined; segment = rest.pop()) {
      if (++this.#steps > STEPS_MAX) return false;
      if (segment === '..') {
        way.pop();
        if (way.length === 0) return false;
        continue;
      }
      const next = way.at(-1)?.below.get(segment);
      const further = next?.target;
      if (further === undefined) {
        way.push(next);
        continue;
      }
      if (++followed > LINKS_FOLLOWED_MAX || further.startsWith('/')) return false;
      for (const name of this.#cut(further).reverse()) rest.push(name);
    }
    return true;
  }

  /** Cutting is work too, also where nothing but slashes is cut. */
  #cut(path: string): string[] {
    this.#steps += Math.ceil(path.length / CHARACTERS_PER_STEP);
    return segmentsOf(path);
  }
}

function segmentsOf(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '' && segment !== '.');
}
