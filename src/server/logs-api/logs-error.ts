/** An error of the model of CloudWatch Logs, or of its protocol, by its name. */
export class LogsError extends Error {
  readonly type: string;
  /** The service's own failures are 500; everything else is 400 in this protocol. */
  readonly status: number;
  /** Members beside the message. */
  readonly extras: Readonly<Record<string, string>>;

  constructor(type: string, message: string, { status = 400, extras = {} } = {}) {
    super(message);
    this.type = type;
    this.status = status;
    this.extras = extras;
  }
}

export function invalidParameter(message: string): LogsError {
  return new LogsError('InvalidParameterException', message);
}

export function noSuch(what: 'group' | 'stream'): LogsError {
  return new LogsError('ResourceNotFoundException', `The specified log ${what} does not exist.`);
}

/** The words that end with no point are AWS's, too. */
export function alreadyThere(what: 'group' | 'stream'): LogsError {
  return new LogsError('ResourceAlreadyExistsException', `The specified log ${what} already exists`);
}

export function limitExceeded(): LogsError {
  return new LogsError('LimitExceededException', 'Resource limit exceeded.');
}

export function isProtected(): LogsError {
  return new LogsError('ValidationException', 'The specified log group is protected from deletion.');
}
