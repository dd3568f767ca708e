import { invalidParameter } from '../model/api-error.ts';

/** Tags of one function (lambda-facts 6.3.22). */
const TAGS_MAX = 50;

export type Tags = Readonly<Record<string, string>>;

/** The tags after more were given. Throws InvalidParameterValueException. */
export function addTags(current: Tags, more: Tags): Tags {
  // The prefix is AWS's in any spelling; the text is that of AWS's other services, Lambda's own was not recorded.
  if (Object.keys(more).some((key) => key.toLowerCase().startsWith('aws:')))
    throw invalidParameter('aws: prefixed tag key names are not allowed for external use.');
  const tags = { ...current, ...more };
  if (Object.keys(tags).length > TAGS_MAX) throw invalidParameter('Number of tags exceeds resource tag limit.');
  return tags;
}

export function removeTags(current: Tags, keys: readonly string[]): Tags {
  const gone = new Set(keys);
  return Object.fromEntries(Object.entries(current).filter(([key]) => !gone.has(key)));
}
