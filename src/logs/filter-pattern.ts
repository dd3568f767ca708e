/**
 * Filter patterns of CloudWatch Logs for unstructured text
 * (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html): terms that must all be there,
 * `"quoted phrases"`, `-excluded` ones, `?alternatives` of which one is enough. Case counts.
 *
 * Deliberate differences from AWS: JSON (`{ … }`), space-delimited (`[ … ]`) and regular-expression (`%…%`) patterns are
 * refused; a term is found inside longer words too.
 */
export type FilterMatch = (message: string) => boolean;

/** A pattern that cannot be answered; the message is for the caller. */
export class FilterPatternError extends Error {}

const TERM = /([?-]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))(?=\s|$)/y;

/** Throws FilterPatternError. An empty pattern matches everything. */
export function parseFilterPattern(pattern: string): FilterMatch {
  const text = pattern.trim();
  if (/^[{[]/.test(text) || /(^|\s)[?-]?%/.test(text)) {
    throw new FilterPatternError('Invalid filter pattern: lambdad knows patterns of terms and quoted phrases only');
  }
  const required: string[] = [];
  const excluded: string[] = [];
  const alternatives: string[] = [];
  for (let at = 0; at < text.length; ) {
    TERM.lastIndex = at;
    const match = TERM.exec(text);
    if (!match) throw new FilterPatternError(`Invalid character(s) in term '${text.slice(at)}'`);
    const [whole, sign, phrase, word = ''] = match;
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
