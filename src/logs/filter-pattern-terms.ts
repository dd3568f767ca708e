/**
 * Patterns for unstructured text: terms that must all be there, `"quoted phrases"`, `-excluded` ones, `?alternatives` of
 * which one is enough.
 */
import { FilterPatternError } from './filter-pattern-error.ts';

const TERM = /([?-]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))(?=\s|$)/sy;
/** What stands without quotes. */
const WORD = /^[\p{L}\p{N}_]+$/u;

/** Throws FilterPatternError; `text` has no space around it. */
export function parseTermsPattern(text: string): (message: string) => boolean {
  const required: string[] = [];
  const excluded: string[] = [];
  const alternatives: string[] = [];
  for (let at = 0; at < text.length; ) {
    TERM.lastIndex = at;
    const match = TERM.exec(text);
    if (!match) throw badTerm(text.slice(at));
    const [whole, sign, phrase, word = ''] = match;
    if (phrase === undefined && !WORD.test(word)) throw badTerm(word);
    const term = phrase === undefined ? word : phrase.replace(/\\(.)/gs, '$1');
    (sign === '-' ? excluded : sign === '?' ? alternatives : required).push(term);
    at += whole.length;
    while (/\s/.test(text.charAt(at))) at += 1;
  }
  // AWS ignores alternatives beside terms of the other kinds.
  const some = required.length + excluded.length > 0 ? [] : alternatives;
  return (message) =>
    required.every((term) => message.includes(term)) &&
    !excluded.some((term) => message.includes(term)) &&
    (some.length === 0 || some.some((term) => message.includes(term)));
}

function badTerm(term: string): FilterPatternError {
  return new FilterPatternError(`Invalid character(s) in term '${term}'`);
}
