import type { FunctionIdentity } from './extensions/extensions-api.ts';
import type { MetadataApi } from './metadata-api.ts';
import type { ProcessSpec } from './sandbox.ts';

/** What an execution environment runs, as configured at one moment. */
export interface EnvironmentSpec {
  /** What extensions are told of the function; all of it is part of log lines too. */
  readonly identity: FunctionIdentity;
  readonly memoryMb: number;
  readonly timeoutMs: number;
  readonly initializationType: 'on-demand' | 'provisioned-concurrency';
  /** Epoch milliseconds after which it takes no invoke; absent: never. */
  readonly usableUntilMs?: number;
  /** `nodejs:24.v1` or the like, for INIT_START; absent for runtimes that the function brings along. */
  readonly runtimeVersion?: string;
  readonly runtimeVersionArn?: string;
  readonly process: ProcessSpec;
  /** Set when there is nothing to start: the reason, for Runtime.InvalidEntrypoint. */
  readonly invalidEntrypoint?: string;
  /** Names of the external extensions, at most one more than are allowed. */
  readonly extensions: readonly string[];
  readonly extensionProcess: (name: string) => ProcessSpec;
  /** What its processes are told of where they run. */
  readonly metadata: MetadataApi;
}
