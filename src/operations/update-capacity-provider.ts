import { capacityProviderNotFound } from '../functions/capacity-provider.ts';
import type { Operation } from './operation.ts';

export const updateCapacityProvider: Operation<'UpdateCapacityProvider'> = async (context, input) => {
  throw capacityProviderNotFound(context, input.CapacityProviderName);
};
