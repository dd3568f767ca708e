import { type OperationName, operationModels } from '../model/operations.gen.ts';
import type { OperationModel, Shape } from '../model/shape.ts';
import { shapeNamed } from './json-value.ts';
import type { StreamedBody } from './streamed-body.ts';
import { epochSeconds } from './timestamp.ts';

/** An HTTP answer, complete but for the request id. */
export interface WireAnswer {
  readonly status: number;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  /** Empty for an answer without a body. */
  readonly body: Uint8Array;
  /** Instead of `body`. */
  readonly stream?: StreamedBody;
}

/** What an operation hands back (see OperationAnswer). */
export interface Outcome {
  readonly output: object;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly stream?: StreamedBody;
}

interface OutputPlan {
  readonly status: number;
  readonly headers: readonly { readonly member: string; readonly wireName: string }[];
  readonly statusMember: string | undefined;
  readonly payload: { readonly member: string; readonly blob: boolean; readonly shape: string } | undefined;
  readonly shape: Shape | undefined;
  /** Members that travel in the body. */
  readonly body: readonly (readonly [name: string, shape: string])[];
}

/** The model says 200; AWS was seen to answer 204 (lambda-facts 3, notes, and 14). */
const seenStatus: Readonly<Partial<Record<OperationName, number>>> = { DeleteFunction: 204 };

const EMPTY = new Uint8Array(0);
const NO_CONTENT = 204;

function makePlan(model: OperationModel): OutputPlan {
  const shape = model.output === undefined ? undefined : shapeNamed(model.output);
  const members = Object.entries(shape?.members ?? {});
  const payloadShape = shape?.payload === undefined ? undefined : shape.members?.[shape.payload]?.shape;
  return {
    status: seenStatus[model.name as OperationName] ?? model.status,
    headers: members
      .filter(([, { location }]) => location === 'header')
      .map(([member, { locationName }]) => ({ member, wireName: locationName ?? member })),
    statusMember: members.find(([, { location }]) => location === 'statusCode')?.[0],
    payload:
      shape?.payload === undefined || payloadShape === undefined
        ? undefined
        : { member: shape.payload, shape: payloadShape, blob: shapeNamed(payloadShape).type === 'blob' },
    shape,
    body: members.filter(([, { location }]) => !location).map(([name, member]) => [name, member.shape]),
  };
}

const plans = new Map<OperationName, OutputPlan>(
  Object.values(operationModels).map((model) => [model.name, makePlan(model)]),
);

function membersToJson(members: readonly (readonly [string, string])[], value: object): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, shape] of members) {
    const own = (value as Record<string, unknown>)[name];
    if (own !== undefined && own !== null) result[name] = toJson(shape, own);
  }
  return result;
}

/** Converts a value of a shape to what JSON.stringify takes: Dates to epoch seconds, bytes to Base64. */
function toJson(shapeName: string, value: unknown): unknown {
  const shape = shapeNamed(shapeName);
  switch (shape.type) {
    case 'structure':
      return membersToJson(
        Object.entries(shape.members ?? {}).map(([name, member]) => [name, member.shape]),
        value as object,
      );
    case 'list':
      return (value as readonly unknown[]).map((element) => toJson(shape.member ?? '', element));
    case 'map':
      return Object.fromEntries(
        Object.entries(value as object).map(([key, entry]) => [key, toJson(shape.value ?? '', entry)]),
      );
    case 'timestamp':
      return epochSeconds(value as Date);
    case 'blob': {
      const bytes = value as Uint8Array;
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
    }
    default:
      return value;
  }
}

function bodyOf(plan: OutputPlan, output: object): Uint8Array {
  if (!plan.payload) return Buffer.from(JSON.stringify(membersToJson(plan.body, output)));
  const value = (output as Record<string, unknown>)[plan.payload.member];
  if (value === undefined || value === null) return EMPTY;
  return plan.payload.blob ? (value as Uint8Array) : Buffer.from(JSON.stringify(toJson(plan.payload.shape, value)));
}

/**
 * Makes the HTTP answer of an operation. The status is the operation's own word, else the output's status member, else
 * what AWS was seen to answer, else the model's. Absent members are left out; 204 has no body.
 */
export function serialise(operation: OperationName, outcome: Outcome): WireAnswer {
  const plan = plans.get(operation);
  if (!plan) throw new Error(`no plan for ${operation}`);
  const output = outcome.output as Record<string, unknown>;
  const said = plan.statusMember === undefined ? undefined : output[plan.statusMember];
  const status = outcome.status ?? (typeof said === 'number' ? said : plan.status);
  const body = status === NO_CONTENT ? EMPTY : bodyOf(plan, output);
  const headers: string[] = [];
  let typed = status === NO_CONTENT;
  for (const { member, wireName } of plan.headers) {
    const value = output[member];
    if (value === undefined || value === null) continue;
    headers.push(wireName, String(value));
    typed ||= wireName === 'Content-Type';
  }
  for (const name in outcome.headers) {
    headers.push(name, outcome.headers[name] ?? '');
    typed ||= name.toLowerCase() === 'content-type';
  }
  if (!typed) headers.push('Content-Type', 'application/json');
  return outcome.stream === undefined ? { status, headers, body } : { status, headers, body, stream: outcome.stream };
}
