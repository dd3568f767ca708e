/**
 * The life of a mapping (lambda-facts 8.2). A change puts it into a passing state, which ends by itself at a time that
 * is written in the record; whoever reads the record later sees the state that followed, whether or not the step that
 * writes it down has run yet.
 *
 * Deliberate difference from AWS: nothing polls event sources yet. So a mapping that was asked to be enabled comes to
 * rest as Disabled, and its StateTransitionReason says why. The record keeps what was asked for in `enabled`.
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
  /** Only of passing states: epoch milliseconds of their end. */
  readonly endsMs?: number;
}

export type MappingChange = 'create' | 'update' | 'enable' | 'disable' | 'delete';

/** The state that a change begins with, and what it leads to: a resting state as asked for, or the end. */
const transitions: Readonly<Record<MappingChange, { readonly through: PassingState; readonly to: 'rest' | 'gone' }>> = {
  create: { through: 'Creating', to: 'rest' },
  update: { through: 'Updating', to: 'rest' },
  enable: { through: 'Enabling', to: 'rest' },
  disable: { through: 'Disabling', to: 'rest' },
  delete: { through: 'Deleting', to: 'gone' },
};

const leadsTo = new Map(Object.values(transitions).map(({ through, to }) => [through as string, to]));

/** Where AWS takes seconds, a moment is enough to be seen by who looks for it. */
export const PASSING_MS = 500;

export const NOTHING_POLLS = 'lambdad does not poll event sources yet';

/** What of a record says how it goes on. */
interface Living {
  readonly source: Source;
  readonly enabled: boolean;
  readonly status: MappingStatus;
}

/** The status with which a change begins. */
export function beginChange(change: MappingChange, { kind }: Source, now: number): MappingStatus {
  const { through } = transitions[change];
  return { state: through, reason: userReason(kind), sinceMs: now, endsMs: now + PASSING_MS };
}

/** The status that a record's status has become; undefined when the mapping is gone. */
export function statusAt({ source, enabled, status }: Living, now: number): MappingStatus | undefined {
  if (status.endsMs === undefined || now < status.endsMs) return status;
  if (leadsTo.get(status.state) === 'gone') return undefined;
  const reason = enabled ? NOTHING_POLLS : userReason(source.kind);
  return { state: 'Disabled', reason, sinceMs: status.endsMs };
}

/** Throws ResourceInUseException while another change of the mapping is under way. */
export function checkAtRest({ state }: MappingStatus, verb: 'update' | 'delete'): void {
  if (!leadsTo.has(state)) return;
  throw new ApiError('ResourceInUseException', `Cannot ${verb} the event source mapping because it is in use.`);
}
