/** The answer of a URL whose InvokeMode is RESPONSE_STREAM, as soon as the function has said how it begins. */
import type { StreamingInvoke } from '../../invoke/invoke-streaming.ts';
import type { WireAnswer } from '../../protocol/serialise.ts';
import type { StreamedBody } from '../../protocol/streamed-body.ts';
import { DELIMITER, readPrelude } from './url-response.ts';

/** The content type of a stream that begins with a prelude: status, headers and cookies as JSON, and eight NULs. */
const WITH_PRELUDE = 'application/vnd.awslambda.http-integration-response';
const PRELUDE_BYTES_MAX = 65_536;
const NOTHING = new Uint8Array(0);

/** Undefined when the function failed before the answer's head was known, or gave a wrong one. */
export async function openUrlStream(invoke: StreamingInvoke): Promise<WireAnswer | undefined> {
  const { contentType, body, outcome } = invoke;
  if (contentType === undefined) {
    const { functionError, payload } = await outcome;
    // A result that does not stream goes out as it is, whatever it may mean elsewhere.
    return functionError ? undefined : { status: 200, headers: ['Content-Type', 'application/json'], body: payload };
  }
  const answer = contentType === WITH_PRELUDE ? await afterPrelude(invoke) : await afterFirstBytes(invoke, contentType);
  if (!answer) body.cancel();
  return answer;
}

async function afterFirstBytes(invoke: StreamingInvoke, contentType: string): Promise<WireAnswer | undefined> {
  const first = await invoke.body.next();
  if (!first && (await invoke.outcome).functionError) return undefined;
  return streamed({ status: 200, headers: ['Content-Type', contentType] }, invoke, first ?? []);
}

async function afterPrelude(invoke: StreamingInvoke): Promise<WireAnswer | undefined> {
  let read = Buffer.alloc(0);
  for (;;) {
    const pieces = await invoke.body.next();
    if (!pieces) return undefined;
    read = Buffer.concat([read, ...pieces]);
    const end = read.indexOf(DELIMITER);
    if (end > PRELUDE_BYTES_MAX || (end < 0 && read.length > PRELUDE_BYTES_MAX)) return undefined;
    if (end < 0) continue;
    const head = readPrelude(read.subarray(0, end));
    return head && streamed(head, invoke, [read.subarray(end + DELIMITER.length)]);
  }
}

function streamed(
  { status, headers }: Pick<WireAnswer, 'status' | 'headers'>,
  invoke: StreamingInvoke,
  first: readonly Uint8Array[],
): WireAnswer {
  return { status, headers, body: NOTHING, stream: new RestOfStream(invoke, first) };
}

/** Rejects at its end when the function did not come to its own. */
class RestOfStream implements StreamedBody {
  readonly #invoke: StreamingInvoke;
  #first: readonly Uint8Array[] | undefined;

  constructor(invoke: StreamingInvoke, first: readonly Uint8Array[]) {
    this.#invoke = invoke;
    this.#first = first.some(({ byteLength }) => byteLength > 0) ? first : undefined;
  }

  async next(): Promise<readonly Uint8Array[] | undefined> {
    const first = this.#first;
    this.#first = undefined;
    if (first) return first;
    const pieces = await this.#invoke.body.next();
    if (!pieces && (await this.#invoke.outcome).functionError) throw new Error('the function failed');
    return pieces;
  }

  cancel(): void {
    this.#first = undefined;
    this.#invoke.body.cancel();
  }
}
