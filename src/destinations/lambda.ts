import type { Ids } from '../base/ids.ts';
import { LATEST } from '../functions/records.ts';
import { resolveInvoke } from '../functions/resolve.ts';
import { type Delivery, DeliveryRefused } from '../invoke/async-destinations.ts';
import type { AsyncInvokes } from '../invoke/async-invokes.ts';
import { ApiError } from '../model/api-error.ts';
import { partsOfArn } from '../neighbours/resource-arn.ts';
import type { MetadataStore } from '../store/metadata.ts';
import type { Namespace } from '../store/namespace.ts';

export interface FunctionTools {
  readonly invokes: Pick<AsyncInvokes, 'accept'>;
  readonly metadata: MetadataStore;
  readonly ids: Ids;
}

/** As for every asynchronous invoke. */
const PAYLOAD_BYTES_MAX = 1_048_576;

/** Invokes another function of the same account with the record, asynchronously. */
export async function invokeTarget(
  { invokes, metadata, ids }: FunctionTools,
  { account }: Namespace,
  { target, traceHeader }: Delivery,
  body: Uint8Array,
): Promise<void> {
  const parts = partsOfArn(target);
  const [, functionName = '', qualifier] = parts.resource.split(':');
  if (parts.account !== account) throw new DeliveryRefused('it is a function of another account');
  if (body.byteLength > PAYLOAD_BYTES_MAX)
    throw new DeliveryRefused(
      `Request must be smaller than ${PAYLOAD_BYTES_MAX} bytes for the InvokeFunction operation`,
    );
  const owner = { account, region: parts.region, functionName };
  let functionId: string | undefined;
  try {
    const { version, ...found } = await resolveInvoke(metadata, ids, owner, functionName, qualifier ?? LATEST);
    functionId = found.functionId;
    if (version.settings.tenantIsolation !== undefined)
      throw new DeliveryRefused('it is enabled with tenancy configuration, and a record has no tenant');
  } catch (error) {
    throw error instanceof ApiError ? new DeliveryRefused(error.message) : error;
  }
  const named = qualifier === undefined ? {} : { qualifier };
  await invokes.accept(owner, { requestId: ids.uuid(), functionId, ...named, traceHeader, payload: body });
}
