/**
 * Compiles a pattern of the model. The model is written for Java's `matches()`: the whole text must match, `\s` is
 * ASCII white space only, and a hyphen after a range stands for itself (so the `u` flag, not `v`).
 */
export function compilePattern(pattern: string): RegExp {
  // `[\s\S]` means anything and stays; elsewhere `\s` becomes what Java takes it for.
  const ascii = pattern.replaceAll('[\\s\\S]', '[^]').replaceAll('\\s', ' \\t\\n\\v\\f\\r');
  return new RegExp(`^(?:${ascii})$`, 'u');
}
