/** The background steps that write down where a mapping's passing state has led, and take away what was deleted. */
import { type Change, type RecordKey, RevisionConflict } from '../store/metadata.ts';
import { type MappingTools, mappingKey, type StoredMapping } from './mapping-record.ts';
import { type MappingStatus, statusAt } from './mapping-state.ts';

type SettlingTools = Pick<MappingTools, 'metadata' | 'clock'>;

const SCAN_PAGE_RECORDS = 200;
/** A store that fails (a full disk, say) is tried once more, then at the next start: readers see the truth anyway. */
const RETRY_MS = 60_000;

/**
 * Settles the mapping when its passing state ends. A mapping in a passing state takes no further change, so there are
 * never more of these timers than mappings.
 */
export function settleLater(tools: SettlingTools, key: RecordKey, { endsMs }: MappingStatus): void {
  if (endsMs === undefined) return;
  tools.clock.after(Math.max(1, endsMs - tools.clock.now()), () => {
    settle(tools, key).catch((error: unknown) => {
      // A faster writer has a timer of its own.
      if (!(error instanceof RevisionConflict))
        tools.clock.after(RETRY_MS, () => void settle(tools, key).catch(() => {}));
    });
  });
}

/** Takes up, after a start, the mappings that a former run left in a passing state. */
export async function resumeMappings(tools: SettlingTools): Promise<void> {
  for (let after: RecordKey | undefined; ; ) {
    const page = (await tools.metadata.scan(
      'event-source-mapping',
      after,
      SCAN_PAGE_RECORDS,
    )) as readonly StoredMapping[];
    for (const record of page) settleLater(tools, mappingKey(record, record.id), record.body.status);
    after = page.at(-1);
    if (after === undefined || page.length < SCAN_PAGE_RECORDS) return;
  }
}

async function settle(tools: SettlingTools, key: RecordKey): Promise<void> {
  const { metadata, clock } = tools;
  const record = (await metadata.get(key)) as StoredMapping | undefined;
  if (!record) return;
  const status = statusAt(record.body, clock.now());
  // Timers may be a little early, by the wall clock.
  if (status === record.body.status) return settleLater(tools, key, status);
  const expect = record.revision;
  const changes: readonly Change[] = status
    ? [{ type: 'put', key, body: { ...record.body, status }, expect }]
    : [
        { type: 'delete', key, expect },
        // What a mapping has read is forgotten with it.
        { type: 'deletePrefix', key: { ...key, kind: 'stream-checkpoint' } },
      ];
  await metadata.commit(changes);
}
