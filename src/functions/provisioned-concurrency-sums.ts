/**
 * What of an account's concurrency is taken (lambda-facts 9.1): by reservations, and by the provisioned concurrency of
 * functions without one. Within a reservation provisioned concurrency takes nothing more.
 */
import { invalidParameter } from '../model/api-error.ts';
import type { MetadataStore } from '../store/metadata.ts';
import { type Namespace, walkRecords } from '../store/namespace.ts';
import { walk } from './keys.ts';
import { type ProvisionedBody, walkProvisioned } from './provisioned-concurrency.ts';
import type { FunctionBody } from './records.ts';

/** The limits of an account that matter here; the operations' limits fit. */
export interface ConcurrencyLimits {
  readonly concurrentExecutions: number;
  readonly unreservedConcurrencyMin: number;
}

/**
 * Key of the lock under which an account's concurrency is given out. `#` is in no function's name. To be taken inside a
 * function's own lock, never around it: that one may be held while a slow neighbour is asked.
 */
export function concurrencyLock({ account, region }: Namespace): string {
  return `${account}/${region}/#concurrency`;
}

/** What all functions but one have taken. */
export async function concurrencyTaken(
  metadata: MetadataStore,
  namespace: Namespace,
  exceptFunction?: string,
): Promise<number> {
  const provisioned = new Map<string, number>();
  for await (const { body } of walkRecords<ProvisionedBody>(metadata, namespace, 'provisioned-concurrency'))
    provisioned.set(body.functionName, (provisioned.get(body.functionName) ?? 0) + body.requested);
  let taken = 0;
  for await (const { body } of walk(metadata, namespace, 'function'))
    if (body.name !== exceptFunction) taken += body.reservedConcurrency ?? provisioned.get(body.name) ?? 0;
  return taken;
}

/** The sum of a function's configurations; `exceptQualifier` leaves one out. */
export async function provisionedSum(
  metadata: MetadataStore,
  namespace: Namespace,
  functionName: string,
  exceptQualifier?: string,
): Promise<number> {
  let sum = 0;
  for await (const { body } of walkProvisioned(metadata, namespace, functionName))
    if (body.qualifier !== exceptQualifier) sum += body.requested;
  return sum;
}

/** Throws InvalidParameterValueException when `requested` does not fit beside what else is taken. */
export async function checkProvisionedFits(
  metadata: MetadataStore,
  namespace: Namespace,
  { concurrentExecutions, unreservedConcurrencyMin }: ConcurrencyLimits,
  owner: FunctionBody,
  { qualifier, requested }: Pick<ProvisionedBody, 'qualifier' | 'requested'>,
): Promise<void> {
  const others = await provisionedSum(metadata, namespace, owner.name, qualifier);
  if (owner.reservedConcurrency !== undefined) {
    if (others + requested <= owner.reservedConcurrency) return;
    throw invalidParameter(
      'Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function',
    );
  }
  const unreserved = concurrentExecutions - (await concurrencyTaken(metadata, namespace, owner.name)) - others;
  if (requested > unreserved)
    throw invalidParameter(
      `Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [${unreserved}].`,
    );
  if (unreserved - requested < unreservedConcurrencyMin)
    throw invalidParameter(
      `Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [${unreservedConcurrencyMin}].`,
    );
}

/** Throws InvalidParameterValueException when a reservation does not fit, or is less than what is provisioned in it. */
export async function checkReservationFits(
  metadata: MetadataStore,
  namespace: Namespace,
  { concurrentExecutions, unreservedConcurrencyMin }: ConcurrencyLimits,
  functionName: string,
  reserved: number,
): Promise<void> {
  const others = await concurrencyTaken(metadata, namespace, functionName);
  if (reserved > 0 && concurrentExecutions - others - reserved < unreservedConcurrencyMin)
    throw invalidParameter(
      `Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [${unreservedConcurrencyMin}].`,
    );
  const provisioned = await provisionedSum(metadata, namespace, functionName);
  // The spaces are AWS's own.
  if (reserved < provisioned)
    throw invalidParameter(
      ` ReservedConcurrentExecutions  ${reserved} should not be lower than function's total provisioned concurrency [${provisioned}].`,
    );
}
