/** A host path and where it appears inside a sandbox, read-only. */
export interface RuntimeMount {
  readonly source: string;
  readonly target: string;
}

/** An interpreter that is there, and where it appears inside a sandbox. */
export interface Interpreter {
  /** Path inside the sandbox. */
  readonly path: string;
  /** Path on the machine. */
  readonly hostPath: string;
  /** As the family's identifiers count: `3.13`. Another than the one asked for when `note` says so. */
  readonly version: string;
  /** `3.13.1`. */
  readonly fullVersion: string;
  readonly mounts: readonly RuntimeMount[];
  /** Said once in the function's log: another version than the one asked for. */
  readonly note?: string;
}
