import { type Change, ID_LENGTH_MAX, PAGE_LIMIT_MAX, type RecordKey, type RecordKind } from './metadata.ts';

/**
 * What every adapter of the metadata port refuses before it asks its database. All of it is our own fault, not the
 * caller's, so all of it throws a plain Error.
 *
 * Accounts, regions and ids are printable ASCII. That makes "ordered by code unit" the same order as the comparison of
 * UTF-8 bytes (SQLite's BINARY, PostgreSQL's "C"), and keeps NUL out, which PostgreSQL's text cannot hold.
 */

/** Of one record's body, as JSON text: the largest state of a tumbling window, and what stands around it. */
export const BODY_LENGTH_MAX = 1_114_112;
export const CHANGES_MAX = 1000;

/** A change with its body as JSON text, taken when the commit was asked for: later edits of the object do not reach it. */
export type EncodedChange =
  | { readonly type: 'put'; readonly key: RecordKey; readonly body: string; readonly expect: number | undefined }
  | { readonly type: 'delete'; readonly key: RecordKey; readonly expect: number | undefined }
  | { readonly type: 'deletePrefix'; readonly key: RecordKey };

const PRINTABLE = /^[\x20-\x7e]*$/;

/** The smallest text that is greater than every printable ASCII text. */
const AFTER_ALL = '\x7f';

export function encodeChanges(changes: readonly Change[]): readonly EncodedChange[] {
  if (changes.length > CHANGES_MAX) throw new Error(`a commit of ${changes.length} changes; at most ${CHANGES_MAX}`);
  return changes.map((change) => {
    const key = checkedKey(change.key);
    if (change.type === 'deletePrefix') return { type: 'deletePrefix', key };
    if (key.id === '') throw new Error(`an empty id in a ${change.type} of kind ${key.kind}`);
    const expect = change.expect;
    if (expect !== undefined && (!Number.isSafeInteger(expect) || expect < 0))
      throw new Error(`expect: ${expect} is no revision`);
    if (change.type === 'delete') return { type: 'delete', key, expect };
    return { type: 'put', key, body: encodedBody(key, change.body), expect };
  });
}

/** Whether a record of this prefix can exist; no stored id has any other character. */
export function canBePrefix(prefix: string): boolean {
  return PRINTABLE.test(prefix);
}

/** The smallest text that is greater than every id beginning with `prefix`. */
export function prefixEnd(prefix: string): string {
  if (prefix === '') return AFTER_ALL;
  const last = prefix.length - 1;
  return prefix.slice(0, last) + String.fromCharCode(prefix.charCodeAt(last) + 1);
}

/** Throws when the page asks for fewer than 1 or more than PAGE_LIMIT_MAX records. */
export function checkLimit(limit: number): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > PAGE_LIMIT_MAX)
    throw new Error(`a page of ${limit} records; 1 to ${PAGE_LIMIT_MAX}`);
}

/** Only the four members, so that a whole record may stand where a key is asked for. */
function checkedKey(key: RecordKey): { account: string; region: string; kind: RecordKind; id: string } {
  const { account, region, kind, id } = key;
  if (id.length > ID_LENGTH_MAX) throw new Error(`an id of ${id.length} characters; at most ${ID_LENGTH_MAX}`);
  for (const part of [account, region, id])
    if (!PRINTABLE.test(part)) throw new Error(`${JSON.stringify(part)} in a record key is not printable ASCII`);
  if (account === '' || region === '') throw new Error('a record key without account or region');
  return { account, region, kind, id };
}

function encodedBody(key: RecordKey, body: unknown): string {
  const text: string | undefined = JSON.stringify(body);
  if (text === undefined) throw new Error(`the body of ${key.kind} ${key.id} is not JSON`);
  if (text.length > BODY_LENGTH_MAX)
    throw new Error(`the body of ${key.kind} ${key.id} has ${text.length} characters; at most ${BODY_LENGTH_MAX}`);
  return text;
}
