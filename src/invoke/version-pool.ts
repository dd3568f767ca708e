import type { Deferred } from '../base/deferred.ts';
import type { Environment, EnvironmentListener } from '../environments/environment.ts';
import type { EnvironmentTarget } from '../environments/environment-factory.ts';
import type { Pace } from './pace.ts';

/** The environments of one version as it is configured now. */
export interface VersionPool {
  readonly target: EnvironmentTarget;
  /** Free ones, the one that became free last at the end. */
  readonly idle: Environment[];
  readonly all: Set<Environment>;
  /** Those that stay however long they are idle, each with what is to happen when it is lost. */
  readonly kept: Map<Environment, (environment: Environment) => void>;
  /** Invokes that wait for an environment of this version, the first first. */
  readonly waiting: Waiter[];
  readonly pace: Pace;
  /** Answered and not yet free. */
  answeredCount: number;
  /** Starts under way or in the queue. */
  starts: number;
  /** Its version changed or was deleted: environments end instead of becoming free. */
  retired: boolean;
  /** Memory that an environment of this version was seen to use. */
  measuredBytes: number;
  readonly listener: EnvironmentListener;
}

/** An invoke that waits for an environment. */
export interface Waiter {
  readonly environment: Deferred<Environment>;
  settled: boolean;
}
