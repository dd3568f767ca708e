import {
  InvokeWithResponseStreamCommand,
  type InvokeWithResponseStreamCommandInput,
  type InvokeWithResponseStreamCompleteEvent,
  type LambdaClient,
} from '@aws-sdk/client-lambda';

/** An InvokeWithResponseStream as a client of AWS sees it. */
export interface Streamed {
  readonly status: number | undefined;
  readonly executedVersion: string | undefined;
  readonly contentType: string | undefined;
  /** The payload of each PayloadChunk. */
  readonly chunks: readonly string[];
  readonly text: string;
  readonly errorCode: string | undefined;
  readonly errorDetails: string | undefined;
  /** Decoded. */
  readonly log: string;
  readonly requestId: string;
}

/** Invokes and reads to the end. */
export async function stream(
  client: LambdaClient,
  name: string,
  event: unknown = {},
  more: Partial<InvokeWithResponseStreamCommandInput> = {},
): Promise<Streamed> {
  const answer = await client.send(
    new InvokeWithResponseStreamCommand({ FunctionName: name, Payload: JSON.stringify(event), ...more }),
  );
  const chunks: string[] = [];
  let complete: InvokeWithResponseStreamCompleteEvent | undefined;
  for await (const { PayloadChunk, InvokeComplete } of answer.EventStream ?? []) {
    if (complete) throw new Error('an event behind InvokeComplete');
    if (PayloadChunk) chunks.push(Buffer.from(PayloadChunk.Payload ?? []).toString());
    if (InvokeComplete) complete = InvokeComplete;
  }
  if (!complete) throw new Error('the stream ended without InvokeComplete');
  return {
    status: answer.StatusCode,
    executedVersion: answer.ExecutedVersion,
    contentType: answer.ResponseStreamContentType,
    chunks,
    text: chunks.join(''),
    errorCode: complete.ErrorCode,
    errorDetails: complete.ErrorDetails,
    log: Buffer.from(complete.LogResult ?? '', 'base64').toString(),
    requestId: answer.$metadata.requestId ?? '',
  };
}

/** A Node handler that streams: `body` has `event`, `stream` and `context`. */
export function streamingHandler(body: string): string {
  return `exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {\n${body}\n});\n`;
}
