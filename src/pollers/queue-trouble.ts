import { NeighbourRefusal, NeighbourUnreachable } from '../neighbours/neighbours.ts';
import { SourceTrouble, type TroubleKind } from '../sources/source-port.ts';

/** What SQS calls a queue that is not there, in its two protocols. */
const MISSING = /NonExistentQueue$|^QueueDoesNotExist$/;
const DENIED =
  /^(AccessDenied|AccessDeniedException|AuthFailure|InvalidClientTokenId|InvalidSecurity|SignatureDoesNotMatch)$/;
const BUSY = /Throttl|OverLimit|TooManyRequests|SlowDown/;

/** The port's words for what a queue's service said, or did not. `operation`: what Lambda names in its texts. */
export function queueTrouble(error: unknown, operation: string): SourceTrouble {
  if (error instanceof SourceTrouble) return error;
  const cause = { cause: error };
  if (!(error instanceof NeighbourRefusal)) {
    const { message } = error as Error;
    return new SourceTrouble('unreachable', error instanceof NeighbourUnreachable ? message : String(error), cause);
  }
  const kind = kindOf(error);
  const said = `Error occurred while ${operation}. SQS Error Code: ${error.code}. SQS Error Message: ${error.message}`;
  if (kind !== 'denied') return new SourceTrouble(kind, said, cause);
  const text = `The function execution role does not have permissions to call ${operation} on SQS`;
  return new SourceTrouble(kind, text, cause);
}

function kindOf({ code, isFault }: NeighbourRefusal): TroubleKind {
  if (MISSING.test(code)) return 'missing';
  if (DENIED.test(code)) return 'denied';
  if (BUSY.test(code)) return 'busy';
  return isFault ? 'unreachable' : 'refused';
}
