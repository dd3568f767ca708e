/**
 * Patterns for events of columns with space between them: `[ip, user, status = 4* && status != 404, bytes > 1000, ...]`.
 * What stands in double quotes or square brackets is one column. Names count only within their own column; one `...`
 * stands for any number of columns.
 */
import { FilterPatternError, invalidPattern } from './filter-pattern-error.ts';
import { type Comparable, comparison, isNumeric } from './filter-pattern-operand.ts';
import { PatternScanner } from './filter-pattern-scanner.ts';

type Column = (value: Comparable) => boolean;

const NAME = /[^\s()&|"=<>!{}[\],%]+/y;
const SPACE = /\s/;
const PLAIN = /\S+/g;
const CLOSING: Readonly<Record<string, string>> = { '"': '"', '[': ']' };

/** Throws FilterPatternError; `text` begins with a bracket. */
export function parseColumnsPattern(text: string): (message: string) => boolean {
  const scanner = new PatternScanner(text);
  scanner.expect('[');
  const columns: Column[] = [];
  let ellipsisAt: number | undefined;
  do {
    if (scanner.take('...')) {
      if (ellipsisAt !== undefined)
        throw new FilterPatternError('Invalid filter pattern: it has more than one ellipsis');
      ellipsisAt = columns.length;
    } else columns.push(parseColumn(scanner));
  } while (scanner.take(','));
  scanner.expect(']');
  scanner.expectEnd();
  return (message) => {
    const fields = fieldsOf(message);
    const more = fields.length - columns.length;
    if (more < 0 || (more > 0 && ellipsisAt === undefined)) return false;
    return columns.every((column, at) => {
      const field = fields[ellipsisAt !== undefined && at >= ellipsisAt ? at + more : at] ?? '';
      return column({ text: field, number: isNumeric(field) ? Number(field) : undefined });
    });
  };
}

/** A name alone takes any value. */
function parseColumn(scanner: PatternScanner): Column {
  let known: string | undefined;
  return scanner.conditions<Comparable>(() => {
    const name = scanner.match(NAME)?.[0] ?? '';
    known ??= name;
    const operator = scanner.operator();
    if (operator === undefined && name !== '') return () => true;
    if (operator === undefined || (name !== known && name !== '')) throw invalidPattern();
    return comparison(operator, scanner.operand());
  });
}

function fieldsOf(message: string): readonly string[] {
  const fields: string[] = [];
  // Where the next closing character is; looked for anew only once it is passed, or hostile text would make this quadratic.
  const nextAt = new Map<string, number>();
  PLAIN.lastIndex = 0;
  for (let match = PLAIN.exec(message); match; match = PLAIN.exec(message)) {
    const { index } = match;
    const closing = CLOSING[message.charAt(index)];
    let end = closing === undefined ? -1 : (nextAt.get(closing) ?? 0);
    if (closing !== undefined && end >= 0 && end <= index) {
      end = message.indexOf(closing, index + 1);
      nextAt.set(closing, end);
    }
    const isWhole = end > index && (end + 1 === message.length || SPACE.test(message.charAt(end + 1)));
    fields.push(isWhole ? message.slice(index + 1, end) : match[0]);
    if (isWhole) PLAIN.lastIndex = end + 1;
  }
  return fields;
}
