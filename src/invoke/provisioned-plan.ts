/** From the stored provisioned concurrency of functions to what the invoker is to keep ready. */
import {
  findProvisionedTarget,
  findProvisionedVersion,
  type ProvisionedBody,
  walkProvisioned,
} from '../functions/provisioned-concurrency.ts';
import { ApiError } from '../model/api-error.ts';
import type { MetadataStore, RecordKey } from '../store/metadata.ts';
import type { Namespace } from '../store/namespace.ts';
import type { Invoker, ProvisionedWish } from './invoker.ts';

export interface PlanTools {
  readonly metadata: MetadataStore;
  readonly invoker: Invoker;
}

const SCAN_PAGE_RECORDS = 200;

/** Tells the invoker what one function is to have ready now. To be called after every change that touches on it. */
export async function applyProvisioned(
  { metadata, invoker }: PlanTools,
  namespace: Namespace,
  functionName: string,
): Promise<void> {
  const wishes: ProvisionedWish[] = [];
  for await (const { body } of walkProvisioned(metadata, namespace, functionName)) {
    const wish = await wishOf(metadata, namespace, body);
    if (wish) wishes.push(wish);
  }
  invoker.provision(namespace, functionName, wishes);
}

/** Tells the invoker about every function, when a server starts. */
export async function resumeProvisioned(tools: PlanTools): Promise<void> {
  let after: RecordKey | undefined;
  let told = '';
  for (;;) {
    const page = await tools.metadata.scan('provisioned-concurrency', after, SCAN_PAGE_RECORDS);
    for (const { account, region, kind, id, body } of page) {
      after = { account, region, kind, id };
      const { functionName } = body as ProvisionedBody;
      const name = `${account}/${region}/${functionName}`;
      if (name === told) continue;
      told = name;
      await applyProvisioned(tools, { account, region }, functionName);
    }
    if (page.length < SCAN_PAGE_RECORDS) return;
  }
}

/** Undefined for a qualifier that has gone meanwhile. */
async function wishOf(
  metadata: MetadataStore,
  namespace: Namespace,
  { functionName, qualifier, requested }: ProvisionedBody,
): Promise<ProvisionedWish | undefined> {
  try {
    const { number } = await findProvisionedTarget(metadata, namespace, functionName, qualifier);
    const version = await findProvisionedVersion(metadata, namespace, functionName, number);
    return { qualifier, version, count: requested };
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}
