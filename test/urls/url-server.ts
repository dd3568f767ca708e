import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import {
  AddPermissionCommand,
  CreateFunctionUrlConfigCommand,
  type CreateFunctionUrlConfigCommandInput,
  type LambdaClient,
} from '@aws-sdk/client-lambda';

/** Gives a function (or an alias of it) a URL, and lets everyone in where nobody signs. */
export async function createUrl(
  client: LambdaClient,
  FunctionName: string,
  options: Partial<CreateFunctionUrlConfigCommandInput> = {},
): Promise<string> {
  const input = { FunctionName, AuthType: 'NONE' as const, ...options };
  const { FunctionUrl } = await client.send(new CreateFunctionUrlConfigCommand(input));
  if (input.AuthType === 'NONE') await letEveryoneIn(client, FunctionName, options.Qualifier);
  return FunctionUrl ?? '';
}

/** Both statements that AWS asks for. */
export async function letEveryoneIn(client: LambdaClient, FunctionName: string, Qualifier?: string): Promise<void> {
  const everyone = { FunctionName, Qualifier, Principal: '*' };
  await client.send(
    new AddPermissionCommand({
      ...everyone,
      StatementId: 'url',
      Action: 'lambda:InvokeFunctionUrl',
      FunctionUrlAuthType: 'NONE',
    }),
  );
  await client.send(
    new AddPermissionCommand({
      ...everyone,
      StatementId: 'invoke',
      Action: 'lambda:InvokeFunction',
      InvokedViaFunctionUrl: true,
    }),
  );
}

export interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly text: string;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string | Uint8Array;
}

/** What fetch will not do: headers of every name, several of one name, and paths that are sent as they are. */
export function ask(url: string, { method = 'GET', headers = {}, body }: Asked = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const path = url.slice(url.indexOf('/', url.indexOf('//') + 2));
    const asking = request({ hostname, port, path, method, headers: { ...headers }, agent: false }, (answer) => {
      text(answer).then(
        (told) =>
          resolve({ status: answer.statusCode, headers: answer.headers, rawHeaders: answer.rawHeaders, text: told }),
        reject,
      );
    });
    asking.on('error', reject);
    asking.end(body);
  });
}
