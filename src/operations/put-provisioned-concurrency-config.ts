import { changeFunction } from '../functions/change-function.ts';
import { parseReference } from '../functions/function-name.ts';
import { checkInvocable } from '../functions/preconditions.ts';
import {
  checkProvisionable,
  checkProvisionedOnce,
  findProvisionedTarget,
  findProvisionedVersion,
  type ProvisionedBody,
  provisionedKey,
  readProvisioned,
  unpublished,
  viewProvisioned,
} from '../functions/provisioned-concurrency.ts';
import { checkProvisionedFits, concurrencyLock } from '../functions/provisioned-concurrency-sums.ts';
import { LATEST } from '../functions/records.ts';
import { findFunction } from '../functions/resolve.ts';
import { applyProvisioned } from '../invoke/provisioned-plan.ts';
import type { Operation } from './operation.ts';

/** Answers at once with nothing allocated; the environments start behind it. */
export const putProvisionedConcurrencyConfig: Operation<'PutProvisionedConcurrencyConfig'> = async (context, input) => {
  const { services } = context;
  const { metadata, clock, limits, locks } = services;
  const { name, qualifier = LATEST } = parseReference(context, input.FunctionName, input.Qualifier);
  if (qualifier === LATEST) throw unpublished();
  const body: ProvisionedBody = {
    functionName: name,
    qualifier,
    requested: input.ProvisionedConcurrentExecutions,
    lastModified: clock.now(),
  };
  // Two requests at once could each fit and not both: one after the other in one account.
  await changeFunction(services, context, name, () =>
    locks.run(concurrencyLock(context), async () => {
      const target = await findProvisionedTarget(metadata, context, name, qualifier);
      const version = await findProvisionedVersion(metadata, context, name, target.number);
      checkProvisionable(version);
      const owner = await findFunction(metadata, context, name);
      await checkProvisionedFits(metadata, context, limits, owner.body, body);
      await checkProvisionedOnce(metadata, context, name, target);
      checkInvocable(version);
      const before = await readProvisioned(metadata, context, name, qualifier);
      const key = provisionedKey(context, name, qualifier);
      await metadata.commit([{ type: 'put', key, body, expect: before?.revision ?? 0 }]);
      await applyProvisioned(services, context, name);
    }),
  );
  return { output: viewProvisioned(body) };
};
