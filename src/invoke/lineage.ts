/**
 * Recursion detection (lambda-facts 6.7): how often a chain of invokes has come through one function.
 *
 * The trace header carries it along: `Lineage=<requests>:<mark>:<loops>`. `requests` counts the invokes of the chain,
 * `mark` names one function of it, `loops` says how often the chain came back to that one. Which one is remembered
 * follows Brent's way of finding cycles: at each power of two the function at hand, unless the remembered one has come
 * back already. So a loop is found wherever in a chain it begins, and the header stays short.
 */
import { createHash } from 'node:crypto';

/** A chain that came through a function so often is a loop. */
const PASSAGES_MAX = 16;
const REQUESTS_MAX = 32_767;
/** From here on also a function that came back is given up, lest one that returned by chance hides a later loop. */
const KEPT_REQUESTS_MAX = 256;
const MARK_DIGITS = 8;
const LINEAGE = /(?:^|;)\s*Lineage=([^;]*)/i;
const PARTS = /^(\d{1,5}):([0-9a-f]{8}):(\d{1,3})\s*$/;

/** Names a function in a lineage: 8 hexadecimal digits. */
export function lineageMark(account: string, region: string, functionName: string): string {
  return createHash('sha256').update(`${account}/${region}/${functionName}`).digest('hex').slice(0, MARK_DIGITS);
}

/** The header of an invoke with which a chain begins: one that has no lineage. */
export function withFirstPassage(header: string, mark: string): string {
  return `${header};Lineage=1:${mark}:0`;
}

/** The header with one more passage in its lineage, which begins here if there is none; `isLoop`: it is one too many. */
export function withPassage(header: string, mark: string): { readonly header: string; readonly isLoop: boolean } {
  const found = LINEAGE.exec(header);
  if (!found) return { header: withFirstPassage(header, mark), isLoop: false };
  const [, requestsBefore, markBefore, loopsBefore] = PARTS.exec(found[1] as string) ?? [];
  const requests = Math.min(Number(requestsBefore ?? 0) + 1, REQUESTS_MAX);
  const isKnown = markBefore === mark;
  const loops = Number(loopsBefore ?? 0) + (isKnown ? 1 : 0);
  const isTurn = (requests & (requests - 1)) === 0 && (loops === 0 || requests >= KEPT_REQUESTS_MAX);
  const lineage = isTurn || markBefore === undefined ? `${requests}:${mark}:0` : `${requests}:${markBefore}:${loops}`;
  const rest = header.slice(0, found.index) + header.slice(found.index + found[0].length);
  return { header: `${rest.replace(/^;/, '')};Lineage=${lineage}`, isLoop: isKnown && loops >= PASSAGES_MAX };
}
