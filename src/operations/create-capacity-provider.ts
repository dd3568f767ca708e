import { invalidParameter } from '../model/api-error.ts';
import type { Operation } from './operation.ts';

/** There are no instances here for one to manage. */
export const createCapacityProvider: Operation<'CreateCapacityProvider'> = async () => {
  throw invalidParameter('lambdad does not run capacity providers (Lambda Managed Instances) yet.');
};
