/** The tags of a group, and how they change. */
import type { LogGroupKey } from '../../logs/log-store.ts';
import { invalidParameter, LogsError, limitExceeded, noSuch } from './logs-error.ts';
import type { LogsContext } from './logs-operation.ts';

export type Tags = Readonly<Record<string, string>>;

const TAGS_MAX = 50;

/** Throws LogsError for keys that are AWS's own. */
export function refuseReserved(tags: Tags): void {
  if (Object.keys(tags).some((key) => key.toLowerCase().startsWith('aws:')))
    throw invalidParameter('aws: prefixed tag key names are not allowed for external use.');
}

/** `newer` names the error of today's operation; the older one has none of its own. */
export async function addTags(
  { store }: LogsContext,
  key: LogGroupKey,
  tags: Tags,
  newer?: { readonly resourceName: string },
): Promise<void> {
  refuseReserved(tags);
  await changed(
    store.changeGroup(key, (settings) => {
      const all = { ...settings.tags, ...tags };
      if (Object.keys(all).length > TAGS_MAX) throw tooMany(newer);
      return { ...settings, tags: all };
    }),
  );
}

export async function removeTags({ store }: LogsContext, key: LogGroupKey, names: readonly string[]): Promise<void> {
  const gone = new Set(names);
  await changed(
    store.changeGroup(key, (settings) => {
      const rest = Object.entries(settings.tags).filter(([name]) => !gone.has(name));
      return { ...settings, tags: Object.fromEntries(rest) };
    }),
  );
}

export async function tagsOf({ store }: LogsContext, key: LogGroupKey): Promise<Tags> {
  const group = await store.group(key);
  if (!group) throw noSuch('group');
  return group.tags;
}

/** Throws LogsError where a group was not changed. */
export async function changed(change: Promise<'changed' | 'no group' | 'full'>): Promise<void> {
  const result = await change;
  if (result === 'no group') throw noSuch('group');
  if (result === 'full') throw limitExceeded();
}

function tooMany(newer: { readonly resourceName: string } | undefined): LogsError {
  const text = `A resource can have no more than ${TAGS_MAX} tags.`;
  return newer ? new LogsError('TooManyTagsException', text, { extras: { ...newer } }) : invalidParameter(text);
}
