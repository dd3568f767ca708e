/**
 * What a row is held to: its ratio at most or at least a number, or its own figure below a number of milliseconds. A row that
 * is `shown` is held to nothing.
 */
export type Aim = `≤ ${number}` | `≥ ${number}` | `< ${number} ms` | 'shown';

const AIM = /^(?<sign>[≤≥<]) (?<limit>\d+(?:\.\d+)?)(?: ms)?$/;

/** Undefined for a row that is only shown. The limit is compared with the exact figure, not with the rounded one of the table. */
export function isMet(
  aim: Aim,
  { ours, ratio }: { readonly ours: number; readonly ratio: number },
): boolean | undefined {
  if (aim === 'shown') return undefined;
  const { sign, limit } = AIM.exec(aim)?.groups ?? {};
  if (sign === undefined || limit === undefined) throw new Error(`no such aim: ${aim}`);
  if (sign === '<') return ours < Number(limit);
  return sign === '≤' ? ratio <= Number(limit) : ratio >= Number(limit);
}
