/** What a function says of its batch where ReportBatchItemFailures is set (lambda-facts 8.3). */

/** What a response may have at its top; `state` belongs to tumbling windows. */
const KNOWN_MEMBERS: readonly string[] = ['batchItemFailures', 'state'];

/**
 * The identifiers of the records that failed. Nothing failed where nothing is answered, null, an empty text, an object
 * without members, or a list that is empty or null. `malformed`, and so all failed: no JSON, no object, an object with
 * nothing but unknown names, no list, an identifier that is empty or no text.
 */
export function failuresIn(payload: Uint8Array): readonly string[] | 'malformed' {
  if (payload.byteLength === 0) return [];
  const response = responseIn(payload);
  if (response === null || response === '') return [];
  if (typeof response !== 'object' || Array.isArray(response)) return 'malformed';
  const names = Object.keys(response);
  if (names.length > 0 && !names.some((name) => KNOWN_MEMBERS.includes(name))) return 'malformed';
  const { batchItemFailures: failures } = response as { readonly batchItemFailures?: unknown };
  if (failures === undefined || failures === null) return [];
  if (!Array.isArray(failures)) return 'malformed';
  const ids = failures.map((failure: unknown) => Object(failure).itemIdentifier as unknown);
  return ids.every((id): id is string => typeof id === 'string' && id !== '') ? ids : 'malformed';
}

/** The response as JSON has it; undefined when it is none. */
export function responseIn(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString()) as unknown;
  } catch {
    return undefined;
  }
}
