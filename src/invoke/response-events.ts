import { EventKind } from '../protocol/event-stream.ts';
import type { StreamedBody } from '../protocol/streamed-body.ts';
import type { StreamingInvoke } from './invoke-streaming.ts';
import type { InvokeOutcome } from './invoker.ts';

const chunk = new EventKind('PayloadChunk', 'application/octet-stream');
const complete = new EventKind('InvokeComplete', 'application/json');

/** What the caller learns of an invoke that broke off through no fault of the function. */
const BROKEN = { errorCode: 'ServiceException', details: 'The execution environment failed.' };

/** The events of an InvokeWithResponseStream: PayloadChunk as often as something is there, and one InvokeComplete. */
export class ResponseEvents implements StreamedBody {
  readonly #invoke: StreamingInvoke;
  #isComplete = false;

  constructor(invoke: StreamingInvoke) {
    this.#invoke = invoke;
  }

  async next(): Promise<readonly Uint8Array[] | undefined> {
    if (this.#isComplete) return undefined;
    const pieces = await this.#invoke.body.next();
    if (pieces) return chunk.message(pieces);
    if (this.#isComplete) return undefined;
    this.#isComplete = true;
    return await this.#end();
  }

  cancel(): void {
    this.#isComplete = true;
    this.#invoke.body.cancel();
  }

  async #end(): Promise<readonly Uint8Array[]> {
    const outcome = await this.#invoke.outcome.catch(() => undefined);
    if (outcome === undefined) return completion({ ErrorCode: BROKEN.errorCode, ErrorDetails: BROKEN.details });
    const { payload, functionError, logTail } = outcome;
    const failed = functionError === undefined ? {} : errorOf(outcome);
    const end = completion({ ...failed, ...(logTail === undefined ? {} : { LogResult: logTail }) });
    // A function that does not stream answers in one chunk; of one that failed the details have all of it.
    const isBuffered = this.#invoke.contentType === undefined && functionError === undefined && payload.byteLength > 0;
    return isBuffered ? [...chunk.message([payload]), ...end] : end;
  }
}

interface Failure {
  readonly ErrorCode: string;
  readonly ErrorDetails: string;
}

function errorOf({ errorCode, payload }: InvokeOutcome): Failure {
  return { ErrorCode: errorCode ?? 'Unhandled', ErrorDetails: Buffer.from(payload).toString() };
}

function completion(event: Partial<Failure> & { readonly LogResult?: string }): readonly Uint8Array[] {
  return complete.message([Buffer.from(JSON.stringify(event))]);
}
