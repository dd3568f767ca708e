import { operationModels } from '../model/operations.gen.ts';
import type { OperationModel, Shape } from '../model/shape.ts';
import { shapes } from '../model/shapes.gen.ts';
import type * as types from '../model/types.gen.ts';
import { encodeRfc3986 } from '../protocol/sign-request.ts';
import type { Client } from './client.ts';

/** The operations that the commands use: input and output by name. */
export interface LambdaCalls {
  CreateAlias: [types.CreateAliasRequest, types.AliasConfiguration];
  CreateFunction: [types.CreateFunctionRequest, types.FunctionConfiguration];
  DeleteFunction: [types.DeleteFunctionRequest, unknown];
  GetFunctionConfiguration: [types.GetFunctionConfigurationRequest, types.FunctionConfiguration];
  Invoke: [types.InvocationRequest, types.InvocationResponse];
  ListFunctionEventInvokeConfigs: [
    types.ListFunctionEventInvokeConfigsRequest,
    types.ListFunctionEventInvokeConfigsResponse,
  ];
  ListFunctions: [types.ListFunctionsRequest, types.ListFunctionsResponse];
  PublishVersion: [types.PublishVersionRequest, types.FunctionConfiguration];
  UpdateAlias: [types.UpdateAliasRequest, types.AliasConfiguration];
  UpdateFunctionCode: [types.UpdateFunctionCodeRequest, types.FunctionConfiguration];
  UpdateFunctionConfiguration: [types.UpdateFunctionConfigurationRequest, types.FunctionConfiguration];
}

export interface CallOptions {
  readonly silenceMsMax?: number;
  onSent?(bytes: number): void;
}

/**
 * Calls one operation of the Lambda API, put into HTTP as the model says. Members of `input` that are undefined are left
 * out. Throws as Client.send does.
 */
export async function callLambda<N extends keyof LambdaCalls>(
  client: Client,
  name: N,
  input: LambdaCalls[N][0],
  options: CallOptions = {},
): Promise<LambdaCalls[N][1]> {
  const model: OperationModel = operationModels[name];
  const given = Object.entries(input).filter(([, value]) => value !== undefined);
  const members = shapes[model.input]?.members ?? {};
  const placed = (location: string | undefined) => given.filter(([member]) => members[member]?.location === location);
  const wire = (member: string) => members[member]?.locationName ?? member;
  const body = bodyOf(shapes[model.input], Object.fromEntries(placed(undefined)));
  const answer = await client.send({
    ...options,
    service: 'lambda',
    method: model.method,
    path: placed('uri').reduce(
      (path, [member, value]) => path.replace(`{${wire(member)}}`, encodeRfc3986(String(value))),
      model.path,
    ),
    query: placed('querystring').map(([member, value]) => [wire(member), String(value)]),
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...Object.fromEntries(placed('header').map(([member, value]) => [wire(member).toLowerCase(), String(value)])),
    },
    ...(body === undefined ? {} : { body }),
  });
  return outputOf(shapes[model.output ?? ''], answer) as LambdaCalls[N][1];
}

function bodyOf(shape: Shape | undefined, members: Record<string, unknown>): Uint8Array | undefined {
  if (shape?.payload !== undefined) return members[shape.payload] as Uint8Array | undefined;
  if (Object.keys(members).length === 0) return undefined;
  // A blob inside JSON is base64.
  const blob = (_: string, value: unknown) => (value instanceof Blobbed ? value.base64 : value);
  return Buffer.from(JSON.stringify(wrapBlobs(members), blob));
}

/** Keeps JSON.stringify from asking a Buffer for its own, array-like form. */
class Blobbed {
  readonly base64: string;

  constructor(bytes: Uint8Array) {
    this.base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  }
}

function wrapBlobs(value: unknown): unknown {
  if (value instanceof Uint8Array) return new Blobbed(value);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, wrapBlobs(member)]));
}

function outputOf(shape: Shape | undefined, answer: Awaited<ReturnType<Client['send']>>): Record<string, unknown> {
  const payload = shape?.payload;
  const body = answer.body;
  const output: Record<string, unknown> =
    payload === undefined ? (body.length > 0 ? JSON.parse(body.toString('utf8')) : {}) : { [payload]: body };
  for (const [member, { location, locationName }] of Object.entries(shape?.members ?? {})) {
    if (location === 'statusCode') output[member] = answer.status;
    const header = location === 'header' ? answer.headers[(locationName ?? member).toLowerCase()] : undefined;
    if (header !== undefined) output[member] = header;
  }
  return output;
}
