/**
 * The trace header (X-Amzn-Trace-Id) of an invoke: `Root=1-<8 hex of the second>-<24 hex>;Parent=<16 hex>;Sampled=0|1`
 * (lambda-facts 7.1), to which the lineage comes.
 *
 * Of a caller's header the root, the parent and the decision are kept where they are well-formed, and so are fields that
 * others put there; what a load balancer says of itself (`Self`) ends here. A header without a valid root is as good as
 * none. Names count in any case, the first of a name counts, and order and spaces are ours.
 */
import type { Clock } from '../base/clock.ts';
import type { Ids } from '../base/ids.ts';

export interface TraceHeader {
  /** `1-5759e988-bd862e3fe1be46a994272793` */
  readonly root: string;
  readonly parent: string | undefined;
  /** Undefined where it is left to whoever comes next, by `?` or by saying nothing. */
  readonly sampled: '0' | '1' | undefined;
  /** Further fields as they came, each behind a semicolon. */
  readonly others: string;
}

const HEADER_LENGTH_MAX = 2048;
const FIELDS_MAX = 32;
const ROOT = /^1-[0-9a-f]{8}-[0-9a-f]{24}$/;
const PARENT = /^[0-9a-f]{16}$/;
const FIELD = /^([\w.-]+)=([\x21-\x3a\x3c-\x7e]*)$/;

/** Undefined for what has no valid root, or is longer than any such header. */
export function readTraceHeader(text: string | undefined): TraceHeader | undefined {
  if (text === undefined || text.length > HEADER_LENGTH_MAX) return undefined;
  const known = new Map<string, string>();
  let others = '';
  for (const part of text.split(';', FIELDS_MAX)) {
    const [, name = '', value = ''] = FIELD.exec(part.trim()) ?? [];
    const key = name.toLowerCase();
    if (name === '' || known.has(key)) continue;
    known.set(key, value);
    if (!OWN_FIELDS.has(key)) others += `;${name}=${value}`;
  }
  const root = known.get('root');
  if (root === undefined || !ROOT.test(root)) return undefined;
  const parent = known.get('parent');
  const sampled = known.get('sampled');
  return {
    root,
    parent: parent !== undefined && PARENT.test(parent) ? parent : undefined,
    sampled: sampled === '0' || sampled === '1' ? sampled : undefined,
    others,
  };
}

const OWN_FIELDS: ReadonlySet<string> = new Set(['root', 'parent', 'sampled', 'self']);

/**
 * The header with which an invoke goes on: the caller's, completed, or a new one. `decide` says whether a trace is
 * sampled of which nobody has decided yet; without it such a trace is not.
 */
export function traceHeaderOf(given: string | undefined, clock: Clock, ids: Ids, decide?: () => boolean): string {
  const read = readTraceHeader(given);
  if (read === undefined) {
    const second = Math.floor(clock.now() / 1000)
      .toString(16)
      .padStart(8, '0');
    const digits = ids.hex(40);
    return `Root=1-${second}-${digits.slice(0, 24)};Parent=${digits.slice(24)};Sampled=${decide?.() ? 1 : 0}`;
  }
  const { root, parent = ids.hex(16), sampled = decide?.() ? '1' : '0', others } = read;
  return `Root=${root};Parent=${parent};Sampled=${sampled}${others}`;
}

/** The header, written here, without its parent. */
export function withoutParent(header: string): string {
  return header.replace(/;Parent=[0-9a-f]{16}/, '');
}
