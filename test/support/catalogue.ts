import type { Change, MetadataStore, StoredRecord } from '../../src/store/metadata.ts';
import { type Namespace, walkRecords } from '../../src/store/namespace.ts';

/** A function's record, those of its versions and those of its aliases, as the operations made them. */
export interface Template {
  readonly name: string;
  readonly records: readonly StoredRecord[];
}

/** A commit takes more changes at once; this many are made within a few milliseconds. */
const CHANGES_PER_COMMIT = 900;

export async function templateOf(metadata: MetadataStore, namespace: Namespace, name: string): Promise<Template> {
  const records: StoredRecord[] = [];
  for (const kind of ['function', 'version', 'alias'] as const)
    for await (const record of walkRecords(metadata, namespace, kind, { prefix: name }))
      if (record.id === name || record.id.startsWith(`${name}:`)) records.push(record);
  return { name, records };
}

/** The changes that put a copy of the template under another name. The template's name must occur nowhere else in it. */
export function copiesOf({ name, records }: Template, namespace: Namespace, copy: string): Change[] {
  return records.map(({ kind, id, body }) => ({
    type: 'put',
    key: { ...namespace, kind, id: id.replace(name, copy) },
    body: JSON.parse(JSON.stringify(body).replaceAll(name, copy)) as unknown,
  }));
}

/** Puts copies of the template straight into the store: ten thousand functions in a second or two. */
export async function fillCatalogue(
  metadata: MetadataStore,
  { account, region }: Namespace,
  template: Template,
  names: Iterable<string>,
): Promise<void> {
  let changes: Change[] = [];
  for (const name of names) {
    const more = copiesOf(template, { account, region }, name);
    if (changes.length + more.length > CHANGES_PER_COMMIT) {
      await metadata.commit(changes);
      changes = [];
    }
    changes.push(...more);
  }
  await metadata.commit(changes);
}
