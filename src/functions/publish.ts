/** Freezing `$LATEST` as a numbered version (lambda-facts 6.3.9). */
import { isDeepStrictEqual } from 'node:util';
import type { Ids } from '../base/ids.ts';
import type { MetadataStore } from '../store/metadata.ts';
import type { Namespace } from '../store/namespace.ts';
import { readVersion } from './keys.ts';
import type { FunctionBody, Status, VersionBody } from './records.ts';

export const CREATING: Status = {
  state: 'Pending',
  stateReason: 'The function is being created.',
  stateReasonCode: 'Creating',
};

export interface Published {
  readonly owner: FunctionBody;
  readonly version: VersionBody;
}

/**
 * The function after publishing, and its new version. Numbers count up and are never used again. AWS gives a new
 * revision to the version and to `$LATEST`.
 *
 * A version of a `$LATEST` that is ready is ready itself, since it runs the same package on the same runtime; otherwise
 * it becomes ready by its own activation.
 */
export function publishLatest(owner: FunctionBody, ids: Ids, nowMs: number, description?: string): Published {
  const { latest, nextVersion } = owner;
  const { serving: _notFrozen, ...frozen } = latest;
  const number = String(nextVersion);
  return {
    owner: {
      ...owner,
      nextVersion: nextVersion + 1,
      publishedVersion: number,
      latest: { ...latest, revisionId: ids.uuid() },
    },
    version: {
      ...frozen,
      version: number,
      settings: description === undefined ? latest.settings : { ...latest.settings, description },
      status: isReady(latest) ? { state: 'Active', lastUpdateStatus: 'Successful' } : CREATING,
      revisionId: ids.uuid(),
      lastModified: nowMs,
    },
  };
}

/**
 * The version that `$LATEST` has been published as and has not been updated since, if any. It may have been deleted since;
 * then there is one to be made again, under a new number.
 */
export async function unchangedVersion(
  metadata: MetadataStore,
  namespace: Namespace,
  { name, publishedVersion }: FunctionBody,
): Promise<VersionBody | undefined> {
  if (publishedVersion === undefined) return undefined;
  return (await readVersion(metadata, namespace, name, publishedVersion))?.body;
}

function isReady({ status }: VersionBody): boolean {
  return status.state === 'Active' && status.lastUpdateStatus === 'Successful';
}

/**
 * The function with changed code or settings, which activation has still to make ready: an update in progress, during
 * which invokes get what was there before. There is something to publish after every update: AWS does not look whether
 * it was one to the same code and settings (tests of moto that are verified against it say so).
 */
export function withUpdate(
  owner: FunctionBody,
  change: Partial<Pick<VersionBody, 'settings' | 'code'>>,
  ids: Ids,
  nowMs: number,
): FunctionBody {
  const { latest, publishedVersion: _updatedSince, ...rest } = owner;
  const { serving: served, ...before } = latest;
  const after = { ...before, ...change };
  // A function that never ran has nothing to serve in the meantime.
  const serving =
    latest.status.state === 'Active' ? (served ?? { settings: latest.settings, code: latest.code }) : served;
  return {
    ...rest,
    latest: {
      ...after,
      status: {
        ...stateOf(latest.status),
        lastUpdateStatus: 'InProgress',
        lastUpdateStatusReason: CREATING.stateReason as string,
        lastUpdateStatusReasonCode: CREATING.stateReasonCode as string,
      },
      revisionId: ids.uuid(),
      lastModified: nowMs,
      ...(serving === undefined ? {} : { serving }),
    },
  };
}

/** True when the two run the same code with the same settings. */
export function sameContent(
  one: Pick<VersionBody, 'settings' | 'code'>,
  other: Pick<VersionBody, 'settings' | 'code'>,
): boolean {
  return one.code.sha256 === other.code.sha256 && isDeepStrictEqual(one.settings, other.settings);
}

function stateOf({ state, stateReason, stateReasonCode }: Status): Status {
  return {
    state,
    ...(stateReason === undefined ? {} : { stateReason }),
    ...(stateReasonCode === undefined ? {} : { stateReasonCode }),
  };
}
