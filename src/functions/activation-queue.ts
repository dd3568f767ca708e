/** The background work that makes versions ready, a few at a time (lambda-facts 6.3.1 to 6.3.7). */
import type { Clock } from '../base/clock.ts';
import { type Deferred, deferred } from '../base/deferred.ts';
import { isDiskFull } from '../base/disk-full.ts';
import type { Ids } from '../base/ids.ts';
import type { MetadataStore, RecordKey, StoredRecord } from '../store/metadata.ts';
import {
  type Activation,
  type Preparation,
  PreparationDelayed,
  PreparationFailed,
  type VersionKey,
} from './activation.ts';
import { type ChangeTools, changeFunction } from './change-function.ts';
import { functionKey, versionKey } from './keys.ts';
import { sameContent } from './publish.ts';
import { type FunctionBody, LATEST, type Status, type VersionBody } from './records.ts';

export interface ActivationOptions extends ChangeTools {
  readonly preparation: Preparation;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Called after a version became ready or failed, so that environments of what was there before can end. */
  readonly settled?: (key: VersionKey) => void;
  /** Our own failures, which no caller waits for. */
  readonly report: (error: unknown, key: VersionKey) => void;
}

/** Preparing means unpacking, mostly disk and inflating: more at once only slows invokes down. */
const RUNNING_MAX = 2;

/** Keys that wait in memory; the store remembers every other unready version, and the queue comes back to them. */
const WAITING_MAX = 10_000;

const SCAN_PAGE_RECORDS = 200;

/** A store that fails (a full disk, say) is tried again, ever more slowly. */
const RETRY_MS_FIRST = 500;
const RETRY_MS_MAX = 60_000;

/** Makes the queue; nothing runs until `begin` or `resume`. */
export function createActivation(options: ActivationOptions): Activation {
  return new ActivationQueue(options);
}

interface Waiting {
  readonly key: VersionKey;
  readonly failures: number;
}

class ActivationQueue implements Activation {
  readonly #options: ActivationOptions;
  /** By name of key; a Map keeps the order of arrival. */
  readonly #waiting = new Map<string, Waiting>();
  readonly #running = new Set<string>();
  #retries = 0;
  #overflowed = false;
  #idle: Deferred<void> | undefined;

  constructor(options: ActivationOptions) {
    this.#options = options;
  }

  begin(key: VersionKey): void {
    this.#enqueue({ key, failures: 0 });
  }

  async idle(): Promise<void> {
    if (this.#isIdle()) return;
    this.#idle ??= deferred();
    return this.#idle.promise;
  }

  async resume(): Promise<void> {
    await this.#takeUp('function', (body) => (body as FunctionBody).latest);
    await this.#takeUp('version', (body) => body as VersionBody);
  }

  async #takeUp(kind: 'function' | 'version', versionOf: (body: unknown) => VersionBody): Promise<void> {
    for (let after: RecordKey | undefined; ; ) {
      const page: readonly StoredRecord[] = await this.#options.metadata.scan(kind, after, SCAN_PAGE_RECORDS);
      for (const record of page) {
        const version = versionOf(record.body);
        if (!isUnready(version)) continue;
        const { account, region } = record;
        this.begin({ account, region, functionName: version.functionName, version: version.version });
      }
      after = page.at(-1);
      if (after === undefined || page.length < SCAN_PAGE_RECORDS) return;
    }
  }

  #enqueue(entry: Waiting): void {
    const { account, region, functionName, version } = entry.key;
    const name = `${account}/${region}/${functionName}:${version}`;
    if (this.#waiting.size >= WAITING_MAX && !this.#waiting.has(name)) this.#overflowed = true;
    else this.#waiting.set(name, entry);
    this.#startNext();
  }

  #startNext(): void {
    for (const [name, entry] of this.#waiting) {
      if (this.#running.size >= RUNNING_MAX) return;
      // The same version again: its turn comes when the present run has ended.
      if (this.#running.has(name)) continue;
      this.#waiting.delete(name);
      this.#running.add(name);
      void this.#run(entry).finally(() => {
        this.#running.delete(name);
        this.#afterRun();
      });
    }
  }

  #afterRun(): void {
    this.#startNext();
    if (this.#overflowed && this.#waiting.size === 0) {
      this.#overflowed = false;
      this.resume().catch((error: unknown) => {
        this.#overflowed = true;
        this.#options.report(error, { account: '', region: '', functionName: '', version: '' });
      });
    }
    if (!this.#isIdle()) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  /** A retry that waits for its time counts as work only once it is due: shutdown need not wait for it. */
  #isIdle(): boolean {
    return this.#running.size === 0 && this.#waiting.size === 0;
  }

  async #run({ key, failures }: Waiting): Promise<void> {
    try {
      if (await makeReady(key, this.#options)) this.#options.settled?.(key);
    } catch (error) {
      this.#options.report(error, key);
      if (this.#retries >= WAITING_MAX) return;
      this.#retries += 1;
      const delayMs = Math.min(RETRY_MS_MAX, RETRY_MS_FIRST * 2 ** Math.min(failures, 16));
      this.#options.clock.after(delayMs, () => {
        this.#retries -= 1;
        this.#enqueue({ key, failures: failures + 1 });
      });
    }
  }
}

function isUnready({ status }: VersionBody): boolean {
  return status.state === 'Pending' || status.lastUpdateStatus === 'InProgress';
}

/** Prepares what is there now and writes how it went; false when there was nothing (more) to do. */
async function makeReady(key: VersionKey, options: ActivationOptions): Promise<boolean> {
  const before = await readTarget(key, options);
  if (!before || !isUnready(before.version)) return false;
  const failure = await prepare(before.version, key, options);
  return changeFunction(options, key, key.functionName, async () => {
    const target = await readTarget(key, options);
    // Deleted, or deleted and made again: the new one has a turn of its own.
    if (!target || !isUnready(target.version) || !sameContent(target.version, before.version)) return false;
    const version = settle(target.version, failure, options.ids);
    const { record } = target;
    const body = key.version === LATEST ? { ...(record.body as FunctionBody), latest: version } : version;
    await options.metadata.commit([{ type: 'put', key: recordKey(key), body, expect: record.revision }]);
    return true;
  });
}

async function readTarget(
  key: VersionKey,
  { metadata }: { readonly metadata: MetadataStore },
): Promise<{ readonly record: StoredRecord; readonly version: VersionBody } | undefined> {
  const record = await metadata.get(recordKey(key));
  if (!record) return undefined;
  return {
    record,
    version: key.version === LATEST ? (record.body as FunctionBody).latest : (record.body as VersionBody),
  };
}

function recordKey(key: VersionKey): RecordKey {
  return key.version === LATEST ? functionKey(key, key.functionName) : versionKey(key, key.functionName, key.version);
}

/** Why the version cannot run, or undefined when it can. */
async function prepare(
  version: VersionBody,
  key: VersionKey,
  { preparation, report }: ActivationOptions,
): Promise<PreparationFailed | undefined> {
  try {
    await preparation.prepare(version);
    return undefined;
  } catch (error) {
    if (error instanceof PreparationFailed) return error;
    if (error instanceof PreparationDelayed) throw error;
    report(error, key);
    const reason = isDiskFull(error) ? 'lambdad has no room left on its disk' : 'of an internal error';
    return new PreparationFailed('InternalError', `The function could not be prepared because ${reason}.`);
  }
}

/** The version after its preparation, with a new revision as AWS gives one. */
function settle(version: VersionBody, failure: PreparationFailed | undefined, ids: Ids): VersionBody {
  const { serving, ...rest } = version;
  const revisionId = ids.uuid();
  if (!failure) return { ...rest, status: { state: 'Active', lastUpdateStatus: 'Successful' }, revisionId };
  // An update that failed leaves what was there before in service.
  return {
    ...rest,
    ...(serving === undefined ? {} : { serving }),
    status: failed(version.status, failure),
    revisionId,
  };
}

function failed(status: Status, { code, message }: PreparationFailed): Status {
  const stateReasons = { stateReason: message, stateReasonCode: code };
  const updateReasons = { lastUpdateStatusReason: message, lastUpdateStatusReasonCode: code };
  if (status.state === 'Pending')
    return { state: 'Failed', ...stateReasons, lastUpdateStatus: 'Failed', ...updateReasons };
  const { state, stateReason, stateReasonCode } = status;
  return {
    state,
    ...(stateReason === undefined ? {} : { stateReason }),
    ...(stateReasonCode === undefined ? {} : { stateReasonCode }),
    lastUpdateStatus: 'Failed',
    ...updateReasons,
  };
}
