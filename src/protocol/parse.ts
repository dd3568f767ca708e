import { type OperationName, operationModels } from '../model/operations.gen.ts';
import type { OperationModel } from '../model/shape.ts';
import type { OperationInputs } from '../model/types.gen.ts';
import { parseJson } from './json-text.ts';
import { asObject, fromJson, fromJsonMembers, fromText, shapeNamed } from './json-value.ts';
import { labelNames } from './route.ts';
import type { QueryParameter } from './target.ts';

/** Headers as node gives them: lower-case names. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** The parts of a request that its input object is made of. */
export interface RequestParts {
  readonly labels: readonly string[];
  readonly query: readonly QueryParameter[];
  readonly headers: Headers;
  readonly body: Uint8Array;
}

interface Binding {
  readonly member: string;
  readonly shape: string;
  /** Name of the query parameter, or the header in lower case. */
  readonly wireName: string;
  readonly list: boolean;
}

interface InputPlan {
  /** Member and shape of each path label, in the order of the path. */
  readonly labels: readonly Binding[];
  readonly query: readonly Binding[];
  readonly headers: readonly Binding[];
  /** Members of the JSON body. */
  readonly body: Readonly<Record<string, { readonly shape: string }>>;
  readonly bodyMembers: number;
  readonly payload: { readonly member: string; readonly shape: string; readonly blob: boolean } | undefined;
}

function binding(member: string, shape: string, wireName: string): Binding {
  return { member, shape, wireName, list: shapeNamed(shape).type === 'list' };
}

function makePlan(model: OperationModel): InputPlan {
  const input = shapeNamed(model.input);
  const members = Object.entries(input.members ?? {});
  const located = (location: string) => members.filter(([, member]) => member.location === location);
  const body = Object.fromEntries(members.filter(([name, { location }]) => !location && name !== input.payload));
  const payloadShape = input.payload === undefined ? undefined : input.members?.[input.payload]?.shape;
  const uri = new Map(
    located('uri').map(([name, { shape, locationName }]) => [locationName ?? name, binding(name, shape, '')]),
  );
  return {
    labels: labelNames(model).map((label) => {
      const bound = uri.get(label);
      if (!bound) throw new Error(`${model.name}: no member for the label ${label}`);
      return bound;
    }),
    query: located('querystring').map(([name, { shape, locationName }]) => binding(name, shape, locationName ?? name)),
    headers: located('header').map(([name, { shape, locationName }]) =>
      binding(name, shape, (locationName ?? name).toLowerCase()),
    ),
    body,
    bodyMembers: Object.keys(body).length,
    payload:
      input.payload === undefined || payloadShape === undefined
        ? undefined
        : { member: input.payload, shape: payloadShape, blob: shapeNamed(payloadShape).type === 'blob' },
  };
}

const plans = new Map<OperationName, InputPlan>(
  Object.values(operationModels).map((model) => [model.name, makePlan(model)]),
);

function readQuery(plan: InputPlan, query: readonly QueryParameter[], input: Record<string, unknown>): void {
  for (const { member, shape, wireName, list } of plan.query) {
    if (list) {
      const elements = query.filter(({ name }) => name === wireName);
      const memberShape = shapeNamed(shape).member ?? '';
      if (elements.length > 0) input[member] = elements.map(({ value }) => fromText(memberShape, value));
    } else {
      const first = query.find(({ name }) => name === wireName);
      if (first) input[member] = fromText(shape, first.value);
    }
  }
}

function readHeaders(plan: InputPlan, headers: Headers, input: Record<string, unknown>): void {
  for (const { member, shape, wireName } of plan.headers) {
    const value = headers[wireName];
    // An empty header says nothing: node clients send one for a member that is undefined.
    if (value === undefined || value === '') continue;
    input[member] = fromText(shape, typeof value === 'string' ? value : value.join(', '));
  }
}

/**
 * Makes the input object of an operation from a request. Unknown members are ignored, null members count as absent, a
 * missing body counts as `{}`. Constraints are not looked at: see validate.
 *
 * @throws ApiError SerializationException (400): not JSON, a value of the wrong type, Base64 that is none
 */
export function parseInput<Name extends OperationName>(operation: Name, parts: RequestParts): OperationInputs[Name] {
  const plan = plans.get(operation);
  if (!plan) throw new Error(`no plan for ${operation}`);
  const input: Record<string, unknown> = {};
  for (let i = 0; i < plan.labels.length; i++) {
    const { member, shape } = plan.labels[i] as Binding;
    input[member] = fromText(shape, parts.labels[i] ?? '');
  }
  if (plan.query.length > 0 && parts.query.length > 0) readQuery(plan, parts.query, input);
  if (plan.headers.length > 0) readHeaders(plan, parts.headers, input);
  if (plan.payload) {
    if (plan.payload.blob) input[plan.payload.member] = parts.body;
    else if (parts.body.length > 0) input[plan.payload.member] = fromJson(plan.payload.shape, parseJson(parts.body));
  } else if (plan.bodyMembers > 0 && parts.body.length > 0) {
    fromJsonMembers(plan.body, asObject(parseJson(parts.body)), input);
  }
  return input as unknown as OperationInputs[Name];
}
