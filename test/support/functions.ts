import {
  CreateFunctionCommand,
  type CreateFunctionCommandInput,
  InvokeCommand,
  type LambdaClient,
  type Runtime,
  waitUntilFunctionActiveV2,
} from '@aws-sdk/client-lambda';
import { zipOf } from './zip.ts';

export interface Deployed extends Partial<Omit<CreateFunctionCommandInput, 'Code' | 'FunctionName'>> {
  readonly files: Parameters<typeof zipOf>[0];
}

/** Creates a function from files and waits until it is Active. Node 24 and `index.handler` unless said otherwise. */
export async function createFunction(client: LambdaClient, name: string, options: Deployed): Promise<void> {
  const { files, ...settings } = options;
  await client.send(
    new CreateFunctionCommand({
      FunctionName: name,
      Runtime: 'nodejs24.x' as Runtime,
      Handler: 'index.handler',
      Role: 'arn:aws:iam::000000000000:role/test',
      ...settings,
      Code: { ZipFile: await zipOf(files) },
    }),
  );
  await waitUntilFunctionActiveV2({ client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 }, { FunctionName: name });
}

export interface Invoked {
  readonly payload: unknown;
  readonly error: string | undefined;
  /** The decoded tail. */
  readonly log: string;
  readonly requestId: string;
}

/** Invokes with LogType Tail and gives back everything decoded. */
export async function invokeFunction(client: LambdaClient, name: string, event: unknown = {}): Promise<Invoked> {
  const answer = await client.send(
    new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(event), LogType: 'Tail' }),
  );
  const text = Buffer.from(answer.Payload ?? []).toString();
  return {
    payload: JSON.parse(text),
    error: answer.FunctionError,
    log: Buffer.from(answer.LogResult ?? '', 'base64').toString(),
    requestId: answer.$metadata.requestId ?? '',
  };
}
