/** Which function a URL belongs to: all that its first label or path segment tells is an id. */
import type { Change, MetadataStore, RecordKey, StoredRecord } from '../store/metadata.ts';
import type { Namespace } from '../store/namespace.ts';
import type { FunctionUrlBody } from './function-url.ts';

export interface FoundUrl {
  readonly namespace: Namespace;
  readonly config: FunctionUrlBody;
}

export interface FunctionUrlIndex {
  /** Undefined when there is no such URL, or no longer. */
  find(urlId: string): Promise<FoundUrl | undefined>;
  /** Learns what is stored already; once, before anything is found. */
  load(): Promise<void>;
}

const PAGE_RECORDS = 500;

/**
 * Wraps a store that nobody else writes to, so that URLs are known as soon as they are committed. The store that comes
 * back is the one to write to.
 */
export function watchFunctionUrls<Store extends MetadataStore>(
  store: Store,
): { readonly metadata: Store; readonly urls: FunctionUrlIndex } {
  /** About 250 bytes each. */
  const keys = new Map<string, RecordKey>();
  const metadata: Store = {
    ...store,
    async commit(changes: readonly Change[]) {
      const revisions = await store.commit(changes);
      for (const change of changes) if (change.key.kind === 'function-url') apply(keys, change);
      return revisions;
    },
  };
  const urls: FunctionUrlIndex = {
    async find(urlId) {
      const key = keys.get(urlId);
      const record = key && ((await store.get(key)) as StoredRecord<FunctionUrlBody> | undefined);
      if (record?.body.urlId !== urlId) return undefined;
      return { namespace: { account: record.account, region: record.region }, config: record.body };
    },
    async load() {
      let after: RecordKey | undefined;
      for (;;) {
        const page = await store.scan('function-url', after, PAGE_RECORDS);
        for (const record of page) keys.set((record.body as FunctionUrlBody).urlId, keyOf(record));
        after = page.at(-1);
        if (after === undefined || page.length < PAGE_RECORDS) return;
      }
    },
  };
  return { metadata, urls };
}

/** An id that leads to a record that is gone, or has another id now, leads nowhere: only its memory is to be freed. */
function apply(keys: Map<string, RecordKey>, change: Change): void {
  const { type, key } = change;
  if (type === 'put') keys.set((change.body as FunctionUrlBody).urlId, keyOf(key));
  else
    for (const [urlId, { account, region, id }] of keys) {
      const isOfIt = type === 'deletePrefix' ? id.startsWith(key.id) : id === key.id;
      if (isOfIt && account === key.account && region === key.region) keys.delete(urlId);
    }
}

function keyOf({ account, region, kind, id }: RecordKey): RecordKey {
  return { account, region, kind, id };
}
