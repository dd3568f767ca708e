import { ApiError } from '../model/api-error.ts';
import type { OperationName } from '../model/operations.gen.ts';
import type { Operation } from './operation.ts';

const placeholders = new WeakSet<object>();

/** Stands in for an operation that is not written yet: always answers 501 with its name. */
export function notWritten<Name extends OperationName>(name: Name): Operation<Name> {
  const placeholder: Operation<Name> = async () => {
    throw new ApiError('NotImplementedException', `lambdad does not implement ${name} yet.`);
  };
  placeholders.add(placeholder);
  return placeholder;
}

/** True for what notWritten made. */
export function isNotWritten(operation: object): boolean {
  return placeholders.has(operation);
}
