import type { KeyedMutex } from '../base/mutex.ts';
import { ApiError } from '../model/api-error.ts';
import { type Change, type MetadataStore, RevisionConflict, type StoredRecord } from '../store/metadata.ts';
import type { Namespace } from '../store/namespace.ts';
import { functionKey } from './keys.ts';
import type { FunctionBody } from './records.ts';

/** What changing a function needs; the operations' services fit. */
export interface ChangeTools {
  readonly metadata: MetadataStore;
  readonly locks: KeyedMutex;
}

/** Attempts before a change that always meets another writer is given up. */
const ATTEMPTS_MAX = 5;

/**
 * Runs `attempt`, which reads, judges and commits, while no other writer in this server is at the function. A writer
 * elsewhere may still win the race: then the whole attempt is made again on what that one left.
 * Throws what `attempt` throws; ResourceConflictException after the last lost race.
 */
export async function changeFunction<T>(
  { locks }: ChangeTools,
  { account, region }: Namespace,
  name: string,
  attempt: () => Promise<T>,
): Promise<T> {
  return locks.run(`${account}/${region}/${name}`, async () => {
    for (let tries = 1; ; tries++) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof RevisionConflict)) throw error;
        if (tries === ATTEMPTS_MAX) throw changedByOthers(name);
      }
    }
  });
}

export function changedByOthers(name: string): ApiError {
  return new ApiError(
    'ResourceConflictException',
    `The operation cannot be performed at this time. The function is being changed by others: ${name}`,
  );
}

/** The change that replaces a function's record, provided that it is still the one that was read. */
export function putFunction(namespace: Namespace, read: StoredRecord<FunctionBody>, body: FunctionBody): Change {
  return { type: 'put', key: functionKey(namespace, body.name), body, expect: read.revision };
}
