/**
 * The life of a mapping (lambda-facts 8.2). A change puts it into a passing state; the supervisor ends it when reading has
 * begun or stopped as was asked for, and takes up what a former run left in one.
 *
 * A source that cannot be polled here (its service has no endpoint, or is none that lambdad polls) leaves the mapping in
 * the state that was asked for, so that tools which compare it with what they want find no difference; its
 * StateTransitionReason says that nothing is read, and why. It comes to life when a later start finds the endpoint.
 */
import { ApiError } from '../model/api-error.ts';
import type { Source } from './source-kind.ts';
import { userReason } from './source-traits.ts';

export type RestingState = 'Enabled' | 'Disabled';
export type PassingState = 'Creating' | 'Enabling' | 'Disabling' | 'Updating' | 'Deleting';

export interface MappingStatus {
  readonly state: RestingState | PassingState;
  readonly reason: string;
  /** Epoch milliseconds of the last change of the mapping or of its state. */
  readonly sinceMs: number;
}

export type MappingChange = 'create' | 'update' | 'enable' | 'disable' | 'delete';

const passingStates: Readonly<Record<MappingChange, PassingState>> = {
  create: 'Creating',
  update: 'Updating',
  enable: 'Enabling',
  disable: 'Disabling',
  delete: 'Deleting',
};

/** Where AWS takes seconds, a moment is enough to be seen by who looks for it. */
export const PASSING_MS = 500;

/** The status with which a change begins. */
export function beginChange(change: MappingChange, { kind }: Source, now: number): MappingStatus {
  return { state: passingStates[change], reason: userReason(kind), sinceMs: now };
}

export function isPassing({ state }: MappingStatus): boolean {
  return state !== 'Enabled' && state !== 'Disabled';
}

/** Throws ResourceInUseException while another change of the mapping is under way. */
export function checkAtRest(status: MappingStatus, verb: 'update' | 'delete'): void {
  if (!isPassing(status)) return;
  throw new ApiError('ResourceInUseException', `Cannot ${verb} the event source mapping because it is in use.`);
}
