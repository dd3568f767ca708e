import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { PrestartKind } from './prestart-pool.ts';

/**
 * The kinds of waiting processes that functions of a server took, for the next server of the same data folder: its first
 * cold start finds one. A kind says nothing of a function.
 */
interface Remembered {
  readonly tmpBytes: number;
  readonly prestart: NonNullable<PrestartKind['prestart']>;
  readonly takesDatagrams: boolean;
}

const FILE_BYTES_MAX = 1_000_000;

/** Those asked for last are last. Without them the first cold starts begin plainly: what cannot be read is no loss. */
export function recallKinds(path: string, countMax: number): readonly PrestartKind[] {
  try {
    const text = readFileSync(path, 'utf8');
    if (text.length > FILE_BYTES_MAX) return [];
    return (JSON.parse(text) as Remembered[]).slice(-countMax).map(({ tmpBytes, prestart, takesDatagrams }) => ({
      tmpBytes,
      prestart,
      ...(takesDatagrams ? { datagrams: () => undefined } : {}),
    }));
  } catch {
    return [];
  }
}

export function rememberKinds(path: string, kinds: readonly PrestartKind[]): void {
  const remembered = kinds.map(({ tmpBytes, prestart, datagrams }) => ({
    tmpBytes,
    prestart,
    takesDatagrams: datagrams !== undefined,
  }));
  try {
    writeFileSync(`${path}.new`, JSON.stringify(remembered), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  } catch {
    // A full disk shows where it matters.
  }
}
