import type { VersionBody } from './records.ts';

/** Where a version lives. */
export interface VersionKey {
  readonly account: string;
  readonly region: string;
  readonly functionName: string;
  readonly version: string;
}

/**
 * Makes a created or updated version ready in the background (unpack, check that its runtime is there) and then turns
 * Pending into Active or Failed, InProgress into Successful or Failed (lambda-facts 6.3). After a restart it takes up
 * again what was left Pending or InProgress.
 */
export interface Activation {
  /** Starts, or starts again, the preparation of a version that was just committed. Never throws. */
  begin(key: VersionKey): void;
  /** Resolves when nothing is being prepared; for shutdown and tests. */
  idle(): Promise<void>;
  /** Takes up what a stopped server left unfinished. */
  resume(): Promise<void>;
}

/** Asked by activation: resolves when the version can run here, rejects with a Failed reason otherwise. */
export interface Preparation {
  prepare(version: VersionBody): Promise<void>;
}

/** Whether the version can run is not known now, and asked again later: a neighbour does not answer. */
export class PreparationDelayed extends Error {}

/** Why a version cannot run: becomes StateReason and StateReasonCode. */
export class PreparationFailed extends Error {
  readonly code: string;

  constructor(code: string, reason: string) {
    super(reason);
    this.code = code;
  }
}
