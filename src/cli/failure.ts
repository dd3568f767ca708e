/** The exit codes of every command; documented in `lambdad --help`. */
export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
/** 128 + SIGINT, as shells count it. */
export const EXIT_INTERRUPTED = 130;

/** The command line is wrong: said with a pointer to the help, exit 2. */
export class UsageError extends Error {}

/** What was asked for cannot be had: said in one line (and `hints` beneath), exit 1. */
export class CommandFailure extends Error {
  readonly hints: readonly string[];

  constructor(message: string, hints: readonly string[] = []) {
    super(message);
    this.hints = hints;
  }
}

/** The server refused: AWS's error name and text. Exit 1. */
export class ApiFailure extends CommandFailure {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status: number) {
    super(`${code}: ${message}`);
    this.code = code;
    this.status = status;
  }
}
