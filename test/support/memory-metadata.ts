import { checkLimit, encodeChanges } from '../../src/store/check-request.ts';
import {
  type Change,
  type MetadataStore,
  type Page,
  type RecordKey,
  type RecordKind,
  RevisionConflict,
  type StoredRecord,
} from '../../src/store/metadata.ts';

const nameOf = ({ account, region, kind, id }: RecordKey) => [account, region, kind, id].join('\n');
const byName = (one: StoredRecord, other: StoredRecord) => (nameOf(one) < nameOf(other) ? -1 : 1);

/** A metadata store for unit tests: the port's promises, kept in a Map. Bodies are copied, as a database would. */
export function memoryMetadata(): MetadataStore {
  const records = new Map<string, StoredRecord>();
  const sorted = (wanted: (record: StoredRecord) => boolean) => [...records.values()].filter(wanted).sort(byName);

  function check(change: Change): void {
    if (change.type === 'deletePrefix' || change.expect === undefined) return;
    if ((records.get(nameOf(change.key))?.revision ?? 0) !== change.expect) throw new RevisionConflict(change.key);
  }

  function apply(change: Change): number {
    const { account, region, kind, id } = change.key;
    if (change.type === 'deletePrefix') {
      for (const record of sorted((it) => nameOf(it).startsWith(nameOf(change.key)))) records.delete(nameOf(record));
      return 0;
    }
    const revision = (records.get(nameOf(change.key))?.revision ?? 0) + 1;
    if (change.type === 'delete') records.delete(nameOf(change.key));
    else records.set(nameOf(change.key), { account, region, kind, id, revision, body: structuredClone(change.body) });
    return change.type === 'delete' ? 0 : revision;
  }

  return {
    get: async (key) => records.get(nameOf(key)),
    async list({ account, region, kind, prefix = '', after = '', limit }: Page) {
      checkLimit(limit);
      const wanted = (it: StoredRecord) =>
        it.account === account && it.region === region && it.kind === kind && it.id.startsWith(prefix) && it.id > after;
      return sorted(wanted).slice(0, limit);
    },
    async scan(kind: RecordKind, after: RecordKey | undefined, limit: number) {
      checkLimit(limit);
      return sorted((it) => it.kind === kind && (after === undefined || nameOf(it) > nameOf(after))).slice(0, limit);
    },
    async commit(changes) {
      encodeChanges(changes);
      for (const change of changes) check(change);
      return changes.map(apply);
    },
    close: async () => records.clear(),
  };
}
