import type { RecordKey } from '../store/metadata.ts';

/** What reads from the sources, as far as operations know it. */
export interface SourcesAtWork {
  /** To be called after each commit that changed a mapping's state. */
  changed(key: RecordKey): void;
  /** What came of the mapping's last batch; undefined before the first since the server started. */
  resultOf(uuid: string): string | undefined;
}
