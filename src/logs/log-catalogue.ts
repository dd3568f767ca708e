/** What groups, streams and files there are: in memory, found at start from names and sizes of files alone. */
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { EventLines } from './event-lines.ts';
import {
  decodeName,
  encodeName,
  isDeletedDirectory,
  nameFile,
  parseSegmentFile,
  parseStreamFile,
  type SegmentName,
} from './log-file-name.ts';
import { readGroupRecord } from './log-group-record.ts';
import type { Segment } from './log-segment.ts';
import { defaultSettings, type LogGroupKey, type LogGroupSettings } from './log-store.ts';

export interface Stream {
  readonly name: string;
  readonly group: Group;
  createdAt: number;
  /** Made by a caller: stays without events, too. Others go with their last event. */
  isDeclared: boolean;
  /** In the order of their numbers. */
  segments: Segment[];
  /** The one that this process writes. */
  current: Segment | undefined;
  firstEventAt: number;
  lastEventAt: number;
  lastIngestionAt: number;
  /** Taken in and not yet being written. */
  pending: EventLines[];
  /** Being written; not in any block yet. */
  writing: EventLines | undefined;
}

export interface Group {
  readonly key: LogGroupKey;
  readonly directory: string;
  readonly streams: Map<string, Stream>;
  createdAt: number;
  settings: LogGroupSettings;
  /** What the settings take, for the bound on all of them. */
  settingsCharacters: number;
  /** How many streams callers have made. */
  declaredStreams: number;
  /** Whether there is a record of it on disk, beside its directory. */
  isRecorded: boolean;
  isMade: boolean;
  isDeleted: boolean;
}

/** Event times may be this far from the time at which their file was written: CloudWatch takes events no later either. */
export const TIME_SLACK_MS = 2 * 60 * 60 * 1000;
/** How many files are looked at concurrently when starting. */
const STATS_MAX = 32;

/** What a file takes on disk. */
export function diskBytes(segment: Segment): number {
  return Math.ceil(segment.bytes / 4096) * 4096;
}

export class LogCatalogue {
  readonly #directory: string;
  readonly #groups = new Map<string, Group>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  all(): Iterable<Group> {
    return this.#groups.values();
  }

  find(key: LogGroupKey): Group | undefined {
    return this.#groups.get(groupId(key));
  }

  directoryOf({ account, region, group }: LogGroupKey): string {
    return join(this.#directory, ...[account, region, group].map(encodeName));
  }

  group(key: LogGroupKey, now: number): Group {
    const id = groupId(key);
    const known = this.#groups.get(id);
    if (known) return known;
    const { account, region, group } = key;
    const added = { key: { account, region, group }, directory: this.directoryOf(key), streams: new Map() };
    const settings = { settings: defaultSettings, settingsCharacters: 0, declaredStreams: 0, isRecorded: false };
    const made = { ...added, ...settings, createdAt: now, isMade: false, isDeleted: false };
    this.#groups.set(id, made);
    return made;
  }

  stream(group: Group, name: string, now: number): Stream {
    const known = group.streams.get(name);
    if (known) return known;
    const times = { createdAt: now, firstEventAt: Number.POSITIVE_INFINITY, lastEventAt: 0, lastIngestionAt: 0 };
    const empty = { isDeclared: false, segments: [], current: undefined, pending: [], writing: undefined };
    const added: Stream = { name, group, ...times, ...empty };
    group.streams.set(name, added);
    return added;
  }

  remove(group: Group): void {
    group.isDeleted = true;
    this.#groups.delete(groupId(group.key));
  }

  /** Reads the directory. Files that are no segments are left alone; none at all is no error. */
  async load(): Promise<void> {
    for (const account of await names(this.#directory)) {
      for (const region of await names(join(this.#directory, account))) {
        const directory = join(this.#directory, account, region);
        for (const encoded of await names(directory)) {
          if (isDeletedDirectory(encoded)) await rm(join(directory, encoded), { recursive: true, force: true });
          if (encoded.includes('.')) continue;
          const group = await nameBehind(directory, encoded);
          const [accountName, regionName] = [decodeName(account), decodeName(region)];
          if (group === undefined || accountName === undefined || regionName === undefined) continue;
          await this.#loadGroup({ account: accountName, region: regionName, group });
        }
      }
    }
  }

  async #loadGroup(key: LogGroupKey): Promise<void> {
    const group = this.group(key, Number.POSITIVE_INFINITY);
    const record = await readGroupRecord(group.directory);
    if (record) {
      group.createdAt = record.createdAt;
      group.isRecorded = true;
      setSettings(group, record.settings);
    }
    const files = await names(group.directory);
    for (let at = 0; at < files.length; at += STATS_MAX) {
      await Promise.all(files.slice(at, at + STATS_MAX).map((file) => this.#loadFile(group, file)));
    }
    for (const stream of group.streams.values()) stream.segments.sort((a, b) => a.number - b.number);
    if (group.createdAt !== Number.POSITIVE_INFINITY) return;
    const { birthtimeMs, mtimeMs } = await stat(group.directory);
    group.createdAt = Math.round(Math.min(birthtimeMs || mtimeMs, mtimeMs));
  }

  async #loadFile(group: Group, file: string): Promise<void> {
    const declared = parseStreamFile(file);
    if (declared) await this.#loadDeclared(group, declared.encodedStream, declared.createdAt);
    const segmentName = parseSegmentFile(file);
    if (!segmentName) return;
    const name = await nameBehind(group.directory, segmentName.encodedStream);
    if (name === undefined) return;
    const path = join(group.directory, file);
    const { size, mtimeMs } = await stat(path);
    const known = group.streams.get(name);
    const stream = known ?? this.stream(group, name, segmentName.firstAt);
    addFound(stream, segmentName, path, size, Math.floor(mtimeMs));
    if (!group.isRecorded) group.createdAt = Math.min(group.createdAt, segmentName.firstAt);
  }

  async #loadDeclared(group: Group, encoded: string, createdAt: number): Promise<void> {
    const name = await nameBehind(group.directory, encoded);
    if (name !== undefined) declare(this.stream(group, name, createdAt), createdAt);
  }
}

export function setSettings(group: Group, settings: LogGroupSettings): void {
  group.settings = settings;
  group.settingsCharacters = settingsCharacters(settings);
}

export function settingsCharacters(settings: LogGroupSettings): number {
  return Object.entries(settings.tags).reduce((sum, [key, value]) => sum + key.length + value.length, 0);
}

/** Marks a stream as made by a caller. */
export function declare(stream: Stream, createdAt: number): void {
  if (!stream.isDeclared) stream.group.declaredStreams += 1;
  stream.isDeclared = true;
  stream.createdAt = createdAt;
}

function addFound(
  stream: Stream,
  { number, firstAt }: SegmentName,
  path: string,
  bytes: number,
  writtenAt: number,
): void {
  const loose = { offset: 0, bytes, firstAt: firstAt - TIME_SLACK_MS, lastAt: writtenAt + TIME_SLACK_MS };
  stream.segments.push({ path, number, firstAt, bytes, blocks: bytes > 0 ? [loose] : [], unread: true });
  stream.firstEventAt = Math.min(stream.firstEventAt, firstAt);
  stream.lastEventAt = Math.max(stream.lastEventAt, writtenAt);
  stream.lastIngestionAt = Math.max(stream.lastIngestionAt, writtenAt);
}

function groupId({ account, region, group }: LogGroupKey): string {
  return `${account}/${region}/${group}`;
}

async function names(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}

async function nameBehind(directory: string, encoded: string): Promise<string | undefined> {
  const name = decodeName(encoded);
  if (name !== undefined) return name;
  try {
    return await readFile(join(directory, nameFile(encoded)), 'utf8');
  } catch {
    return undefined;
  }
}
