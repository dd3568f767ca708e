import type { MetadataStore, RecordKind, StoredRecord } from './metadata.ts';

/** Account and region: together the namespace of every name. */
export interface Namespace {
  /** 12 digits. */
  readonly account: string;
  readonly region: string;
}

const WALK_PAGE_RECORDS = 200;

export interface WalkOptions {
  /** Only ids that begin with this. */
  readonly prefix?: string;
  /** Only ids behind this one. */
  readonly after?: string;
  readonly pageRecords?: number;
}

/** All records of a kind in one namespace in order of id, read page by page; stops when the caller does. */
export async function* walkRecords<Body>(
  metadata: MetadataStore,
  { account, region }: Namespace,
  kind: RecordKind,
  options: WalkOptions = {},
): AsyncGenerator<StoredRecord<Body>> {
  const { prefix, pageRecords: limit = WALK_PAGE_RECORDS } = options;
  for (let after = options.after; ; ) {
    const page = await metadata.list({
      account,
      region,
      kind,
      limit,
      ...(prefix === undefined ? {} : { prefix }),
      ...(after === undefined ? {} : { after }),
    });
    for (const record of page) yield record as StoredRecord<Body>;
    const last = page.at(-1);
    if (last === undefined || page.length < limit) return;
    after = last.id;
  }
}
