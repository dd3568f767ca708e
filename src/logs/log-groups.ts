/** What callers make, set and delete: groups and streams. Each change is on disk, synced, before the catalogue has it. */
import { rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder, syncFolder } from '../base/durable-folder.ts';
import {
  declare,
  type Group,
  type LogCatalogue,
  type Stream,
  setSettings,
  settingsCharacters,
} from './log-catalogue.ts';
import { decodeName, deletedDirectory, encodeName, nameFile, streamFile } from './log-file-name.ts';
import { writeGroupRecord, writeSynced } from './log-group-record.ts';
import type { LogSpace } from './log-space.ts';
import type { LogGroupKey, LogGroupSettings, LogStore, LogStreamKey } from './log-store.ts';

/** How much callers may make: AWS allows more than one machine should keep. */
export interface LogLimits {
  readonly groupsMax: number;
  /** Of one account and region. */
  readonly groupsOfNamespaceMax: number;
  /** Streams that callers have made. */
  readonly streamsMax: number;
  readonly streamsOfNamespaceMax: number;
  /** All tags together: they are in memory. */
  readonly settingsCharactersMax: number;
}

const defaultLimits: LogLimits = {
  groupsMax: 20_000,
  groupsOfNamespaceMax: 10_000,
  streamsMax: 50_000,
  streamsOfNamespaceMax: 25_000,
  settingsCharactersMax: 32 * 1024 * 1024,
};

type Result<Name extends keyof LogStore> = ReturnType<LogStore[Name]>;

export interface LogGroupsParts {
  readonly catalogue: LogCatalogue;
  readonly space: LogSpace;
  readonly limits: Partial<LogLimits>;
  /** A number that was never used before. */
  readonly nextNumber: () => number;
  /** Lets go of what waits in memory for a stream that is deleted. */
  readonly discard: (stream: Stream) => void;
}

/** Its methods reject with the file system's error, and are called one after the other. */
export class LogGroups {
  readonly #parts: LogGroupsParts;
  readonly #limits: LogLimits;

  constructor(parts: LogGroupsParts) {
    this.#parts = parts;
    this.#limits = { ...defaultLimits, ...parts.limits };
  }

  async create(key: LogGroupKey, settings: LogGroupSettings, nowMs: number): Result<'createGroup'> {
    const { catalogue } = this.#parts;
    if (catalogue.find(key)) return 'exists';
    const all = [...catalogue.all()];
    const own = all.filter((group) => isOf(key, group)).length;
    const { groupsMax, groupsOfNamespaceMax } = this.#limits;
    if (all.length >= groupsMax || own >= groupsOfNamespaceMax || this.#isTooLong(settings, undefined)) return 'full';
    await this.#record(catalogue.directoryOf(key), key, { createdAt: nowMs, settings });
    // A function may have begun it while the disk was written.
    const group = catalogue.group(key, nowMs);
    group.isMade = true;
    group.isRecorded = true;
    setSettings(group, settings);
    return 'created';
  }

  async change(key: LogGroupKey, change: (settings: LogGroupSettings) => LogGroupSettings): Result<'changeGroup'> {
    const group = this.#parts.catalogue.find(key);
    if (!group) return 'no group';
    const settings = change(group.settings);
    if (this.#isTooLong(settings, group)) return 'full';
    await this.#record(group.directory, key, { createdAt: group.createdAt, settings });
    group.isMade = true;
    group.isRecorded = true;
    setSettings(group, settings);
    return 'changed';
  }

  async delete(key: LogGroupKey): Result<'deleteGroup'> {
    const { catalogue, space, nextNumber, discard } = this.#parts;
    const group = catalogue.find(key);
    if (!group) return 'no group';
    if (group.settings.isProtected) return 'protected';
    const { directory } = group;
    const trash = deletedDirectory(directory, nextNumber());
    // From here on whoever writes begins the group anew.
    catalogue.remove(group);
    for (const stream of group.streams.values()) {
      discard(stream);
      space.forget(stream, stream.segments);
    }
    const wasThere = await rename(directory, trash).then(() => true, ifMissing);
    await rm(nameFile(directory), { force: true });
    if (!wasThere) return 'deleted';
    await syncFolder(dirname(directory));
    await rm(trash, { recursive: true, force: true });
    return 'deleted';
  }

  async createStream(key: LogStreamKey, nowMs: number): Result<'createStream'> {
    const { catalogue } = this.#parts;
    const group = catalogue.find(key);
    if (!group) return 'no group';
    if (group.streams.has(key.stream)) return 'exists';
    let all = 0;
    let own = 0;
    for (const other of catalogue.all()) {
      all += other.declaredStreams;
      if (isOf(key, other)) own += other.declaredStreams;
    }
    if (all >= this.#limits.streamsMax || own >= this.#limits.streamsOfNamespaceMax) return 'full';
    // A record was synced together with everything above it.
    if (!group.isRecorded) await this.#makeDirectory(group.directory, key);
    const encoded = encodeName(key.stream);
    await keepNameSynced(join(group.directory, encoded), key.stream);
    await writeSynced(join(group.directory, streamFile(encoded, nowMs)), '');
    await syncFolder(group.directory);
    group.isMade = true;
    declare(catalogue.stream(group, key.stream, nowMs), nowMs);
    return 'created';
  }

  async deleteStream(key: LogStreamKey): Result<'deleteStream'> {
    const { catalogue, space, discard } = this.#parts;
    const group = catalogue.find(key);
    if (!group) return 'no group';
    const stream = group.streams.get(key.stream);
    if (!stream) return 'no stream';
    if (group.settings.isProtected) return 'protected';
    const encoded = encodeName(key.stream);
    const files = [streamFile(encoded, stream.createdAt), nameFile(encoded)];
    const paths = [...files.map((file) => join(group.directory, file)), ...stream.segments.map(({ path }) => path)];
    discard(stream);
    space.forget(stream, stream.segments);
    if (stream.isDeclared) group.declaredStreams -= 1;
    group.streams.delete(key.stream);
    for (const path of paths) await rm(path, { force: true });
    await syncFolder(group.directory).catch(ifMissing);
    return 'deleted';
  }

  #isTooLong(settings: LogGroupSettings, instead: Group | undefined): boolean {
    const more = settingsCharacters(settings);
    if (more <= (instead?.settingsCharacters ?? 0)) return false;
    let all = more;
    for (const group of this.#parts.catalogue.all()) if (group !== instead) all += group.settingsCharacters;
    return all > this.#limits.settingsCharactersMax;
  }

  async #record(directory: string, key: LogGroupKey, record: Parameters<typeof writeGroupRecord>[1]): Promise<void> {
    await this.#makeDirectory(directory, key);
    await writeGroupRecord(directory, record);
  }

  /** A directory that function output has made is there, but may not be synced. */
  async #makeDirectory(directory: string, { group }: LogGroupKey): Promise<void> {
    await makeFolder(directory);
    await keepNameSynced(directory, group);
    const region = dirname(directory);
    for (const folder of [region, dirname(region), dirname(dirname(region))]) await syncFolder(folder);
  }
}

/** Writes the name beside a path whose last part is only a digest of it. */
export async function keepName(path: string, name: string): Promise<void> {
  if (!isDigest(name)) return;
  await writeFile(nameFile(path), name, { mode: 0o600 });
}

async function keepNameSynced(path: string, name: string): Promise<void> {
  if (isDigest(name)) await writeSynced(nameFile(path), name);
}

function isDigest(name: string): boolean {
  return decodeName(encodeName(name)) === undefined;
}

function isOf({ account, region }: LogGroupKey, { key }: Group): boolean {
  return key.account === account && key.region === region;
}

function ifMissing(error: NodeJS.ErrnoException): false {
  if (error.code === 'ENOENT') return false;
  throw error;
}
