/** A pattern that is no filter pattern, or asks for more work than one query may take; the message is for the caller. */
export class FilterPatternError extends Error {}

/** As CloudWatch Logs says it of whatever is wrong with a pattern's form. */
export function invalidPattern(): FilterPatternError {
  return new FilterPatternError('Invalid filter pattern');
}
