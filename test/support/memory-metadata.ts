import { checkLimit, type EncodedChange, encodeChanges } from '../../src/store/check-request.ts';
import {
  type MetadataStore,
  type Page,
  type RecordKey,
  type RecordKind,
  RevisionConflict,
  type StoredRecord,
} from '../../src/store/metadata.ts';

const nameOf = ({ account, region, kind, id }: RecordKey) => [account, region, kind, id].join('\n');
const byName = (one: StoredRecord, other: StoredRecord) => (nameOf(one) < nameOf(other) ? -1 : 1);

/** A metadata store for unit tests: the port's promises, kept in a Map, with bodies as JSON text as a database has them. */
export function memoryMetadata(): MetadataStore {
  let records = new Map<string, StoredRecord>();
  let closed = false;
  const checkOpen = () => {
    if (closed) throw new Error('the metadata store is closed');
  };
  const copied = (record: StoredRecord): StoredRecord => ({ ...record, body: structuredClone(record.body) });
  const sorted = (wanted: (record: StoredRecord) => boolean) =>
    [...records.values()].filter(wanted).sort(byName).map(copied);

  return {
    async get(key) {
      checkOpen();
      const record = records.get(nameOf(key));
      return record && copied(record);
    },
    async list({ account, region, kind, prefix = '', after = '', limit }: Page) {
      checkOpen();
      checkLimit(limit);
      const wanted = (it: StoredRecord) =>
        it.account === account && it.region === region && it.kind === kind && it.id.startsWith(prefix) && it.id > after;
      return sorted(wanted).slice(0, limit);
    },
    async scan(kind: RecordKind, after: RecordKey | undefined, limit: number) {
      checkOpen();
      checkLimit(limit);
      return sorted((it) => it.kind === kind && (after === undefined || nameOf(it) > nameOf(after))).slice(0, limit);
    },
    async commit(changes) {
      checkOpen();
      // All or nothing: the changes are made to a copy, which takes the place of the records at the end.
      const draft = new Map(records);
      const revisions = encodeChanges(changes).map((change) => apply(draft, change));
      records = draft;
      return revisions;
    },
    async close() {
      closed = true;
    },
  };
}

function apply(records: Map<string, StoredRecord>, change: EncodedChange): number {
  const name = nameOf(change.key);
  if (change.type === 'deletePrefix') {
    for (const present of [...records.keys()]) if (present.startsWith(name)) records.delete(present);
    return 0;
  }
  const before = records.get(name)?.revision ?? 0;
  if (change.expect !== undefined && change.expect !== before) throw new RevisionConflict(change.key);
  if (change.type === 'delete') {
    records.delete(name);
    return 0;
  }
  records.set(name, { ...change.key, revision: before + 1, body: JSON.parse(change.body) });
  return before + 1;
}
