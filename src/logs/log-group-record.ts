/** What is kept of a group in a file of its own, synced. */
import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder } from '../base/durable-folder.ts';
import { defaultSettings, type LogGroupClass, type LogGroupSettings } from './log-store.ts';

export interface LogGroupRecord {
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly settings: LogGroupSettings;
}

/** Has one dot, unlike the files of streams. */
const RECORD_FILE = 'group.json';
const CLASSES: readonly string[] = ['STANDARD', 'INFREQUENT_ACCESS', 'DELIVERY'];

/** Writes the record so that a crash leaves the old one or this one. Rejects with the file system's error. */
export async function writeGroupRecord(directory: string, record: LogGroupRecord): Promise<void> {
  const { createdAt, settings } = record;
  const path = join(directory, RECORD_FILE);
  await writeSynced(`${path}.new`, JSON.stringify({ createdAt, ...settings }));
  await rename(`${path}.new`, path);
  await syncFolder(directory);
}

/** Writes a file whose content is on disk when this resolves; its name is after the folder was synced. */
export async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** undefined where there is none, or none that can be read. */
export async function readGroupRecord(directory: string): Promise<LogGroupRecord | undefined> {
  try {
    const found = JSON.parse(await readFile(join(directory, RECORD_FILE), 'utf8')) as Record<string, unknown>;
    const { createdAt, logClass, retentionDays, tags, isProtected } = found;
    if (typeof createdAt !== 'number') return undefined;
    return {
      createdAt,
      settings: {
        ...defaultSettings,
        ...(CLASSES.includes(logClass as string) && { logClass: logClass as LogGroupClass }),
        ...(typeof retentionDays === 'number' && { retentionDays }),
        ...(typeof tags === 'object' && tags !== null && { tags: tags as Readonly<Record<string, string>> }),
        isProtected: isProtected === true,
      },
    };
  } catch {
    return undefined;
  }
}
