import { InvokeCommand, type InvokeCommandInput, type LambdaClient } from '@aws-sdk/client-lambda';

export interface RawAnswer {
  /** The payload as text, JSON or not. */
  readonly payload: string;
  readonly error: string | undefined;
  readonly requestId: string;
  /** The answer's X-Amzn-Trace-Id. */
  readonly traceHeader: string | undefined;
}

/** Invokes with any settings and gives back what came, unparsed. */
export async function invokeRaw(client: LambdaClient, input: InvokeCommandInput): Promise<RawAnswer> {
  let traceHeader: string | undefined;
  const command = new InvokeCommand(input);
  command.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { headers } = result.response as { headers: Record<string, string> };
      traceHeader = headers['x-amzn-trace-id'];
      return result;
    },
    { step: 'deserialize', priority: 'low' },
  );
  const answer = await client.send(command);
  return {
    payload: Buffer.from(answer.Payload ?? []).toString(),
    error: answer.FunctionError,
    requestId: answer.$metadata.requestId ?? '',
    traceHeader,
  };
}

/** A client context as the mobile SDKs send it, encoded, and its custom members. */
export function clientContext(): [encoded: string, custom: Record<string, string>] {
  const custom = { colour: 'grün ✓' };
  const client = {
    installation_id: 'i',
    app_title: 'the app',
    app_version_name: 'v',
    app_version_code: '1',
    app_package_name: 'p',
  };
  const text = JSON.stringify({ client, custom, env: { locale: 'de' } });
  // What goes into a header of the Runtime API is ASCII; JSON can say anything in it.
  const ascii = text.replace(/[\u0080-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return [Buffer.from(ascii).toString('base64'), custom];
}

/** What the caller gets for a buffered result beyond 6 MB. */
export const tooLarge = {
  errorType: 'Function.ResponseSizeTooLarge',
  errorMessage: 'Response payload size exceeded maximum allowed payload size (6291556 bytes).',
};
