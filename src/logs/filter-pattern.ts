/**
 * Filter patterns of CloudWatch Logs
 * (https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html): terms, `{ JSON conditions }`,
 * `[space-delimited columns]` and `%regular expressions%`. Case counts.
 *
 * Deliberate differences from AWS: a term is found inside longer words too; a regular expression that takes too much work on
 * one event is refused then.
 */
import { parseColumnsPattern } from './filter-pattern-columns.ts';
import { invalidPattern } from './filter-pattern-error.ts';
import { parseJsonPattern } from './filter-pattern-json.ts';
import { FilterPatternRegex } from './filter-pattern-regex.ts';
import { parseTermsPattern } from './filter-pattern-terms.ts';

export { FilterPatternError } from './filter-pattern-error.ts';

/**
 * Whether a message matches. Its time grows linearly with the message. Throws FilterPatternError where a regular expression
 * takes more steps on a message than one query may.
 */
export type FilterMatch = (message: string) => boolean;

/** Throws FilterPatternError. An empty pattern matches everything. */
export function parseFilterPattern(pattern: string): FilterMatch {
  const text = pattern.trim();
  if (text.startsWith('{')) return parseJsonPattern(text);
  if (text.startsWith('[')) return parseColumnsPattern(text);
  if (!text.startsWith('%')) return parseTermsPattern(text);
  if (text.length < 2 || !text.endsWith('%')) throw invalidPattern();
  const regex = new FilterPatternRegex(text.slice(1, -1));
  return (message) => regex.test(message);
}
