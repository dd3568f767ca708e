import { ApiError } from '../model/api-error.ts';
import type { OperationName } from '../model/operations.gen.ts';
import type { Headers } from '../protocol/parse.ts';

/** The largest body of an operation, and how a larger one is refused. */
export interface RequestLimit {
  readonly bytesMax: number;
  readonly refuse: () => ApiError;
}

/** Operations that carry a code package (recorded: `Request must be smaller than 70167211 bytes …`). */
const PACKAGE_BYTES_MAX = 70_167_211;
const PAYLOAD_BYTES_MAX = 6_291_456;
/** Since late 2025; the queue of InvokeAsync kept the limit it had. */
const ASYNC_PAYLOAD_BYTES_MAX = 1_048_576;
const INVOKE_ASYNC_BYTES_MAX = 262_144;
/** Everything else: far above what names, policies and settings need. */
const CONTROL_BYTES_MAX = 1_048_576;

function limit(operation: string, bytesMax: number, name: 'RequestEntityTooLarge' | 'RequestTooLarge'): RequestLimit {
  const message = `Request must be smaller than ${bytesMax} bytes for the ${operation} operation`;
  return { bytesMax, refuse: () => new ApiError(`${name}Exception`, message) };
}

const special: Readonly<Partial<Record<OperationName, RequestLimit>>> = {
  CreateFunction: limit('CreateFunction', PACKAGE_BYTES_MAX, 'RequestEntityTooLarge'),
  UpdateFunctionCode: limit('UpdateFunctionCode', PACKAGE_BYTES_MAX, 'RequestEntityTooLarge'),
  PublishLayerVersion: limit('PublishLayerVersion', PACKAGE_BYTES_MAX, 'RequestEntityTooLarge'),
  Invoke: limit('InvokeFunction', PAYLOAD_BYTES_MAX, 'RequestTooLarge'),
  InvokeWithResponseStream: limit('InvokeWithResponseStream', PAYLOAD_BYTES_MAX, 'RequestTooLarge'),
  InvokeAsync: limit('InvokeAsync', INVOKE_ASYNC_BYTES_MAX, 'RequestTooLarge'),
  CheckpointDurableExecution: limit('CheckpointDurableExecution', PAYLOAD_BYTES_MAX, 'RequestEntityTooLarge'),
};

const asyncInvoke = limit('InvokeFunction', ASYNC_PAYLOAD_BYTES_MAX, 'RequestTooLarge');

/** The limit of a request's body (lambda-facts 7.1, 15). An Invoke says by its header whether it is asynchronous. */
export function requestLimit(operation: OperationName, headers: Headers): RequestLimit {
  if (operation === 'Invoke' && headers['x-amz-invocation-type'] === 'Event') return asyncInvoke;
  return special[operation] ?? limit(operation, CONTROL_BYTES_MAX, 'RequestEntityTooLarge');
}
