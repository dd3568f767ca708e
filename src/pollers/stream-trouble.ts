import { NeighbourRefusal } from '../neighbours/neighbours.ts';
import { SourceTrouble, type TroubleKind } from '../sources/source-port.ts';

/** What the errors of Kinesis and DynamoDB Streams come to; a service's own faults are passing. */
const KINDS: readonly (readonly [code: RegExp, kind: TroubleKind])[] = [
  [/^ResourceNotFound/, 'missing'],
  [/^TrimmedDataAccess/, 'trimmed'],
  [/Throttl|ThroughputExceeded|^LimitExceeded|TooManyRequests/, 'busy'],
  [/AccessDenied|NotAuthorized|UnrecognizedClient|InvalidSignature|InvalidClientTokenId|OptInRequired/, 'denied'],
];

/** The trouble that an error of `ask` is. `arn` names the stream. */
export function streamTrouble(error: unknown, arn: string): SourceTrouble {
  if (error instanceof SourceTrouble) return error;
  const { message } = error as Error;
  if (!(error instanceof NeighbourRefusal)) return new SourceTrouble('unreachable', message, { cause: error });
  const known = KINDS.find(([code]) => code.test(error.code))?.[1];
  const kind = known ?? (error.isFault ? 'unreachable' : 'refused');
  const text = kind === 'missing' ? `Stream not found: ${arn}` : `${error.operation}: ${error.code}: ${message}`;
  return new SourceTrouble(kind, text, { cause: error });
}
