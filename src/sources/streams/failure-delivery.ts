import { isFinalRefusal } from '../../invoke/async-deliveries.ts';
import type { DestinationPort } from '../../invoke/async-destinations.ts';
import type { NeighbourName } from '../../neighbours/neighbours.ts';
import { destinationService } from '../failure-destination.ts';
import { mappedFunctionArn } from '../mapping-record.ts';
import type { MappingRun } from '../mapping-run.ts';
import type { Bells } from './bell.ts';
import { failureObjectKey, failureRecord, type GivenUp, requestIdOf } from './failure-record.ts';

const WAIT_FIRST_MS = 1_000;
const WAIT_MS_MAX = 60_000;
/** How long a destination may be away before its record is given up, while its shard waits: as asynchronous invokes do. */
const AWAY_MS_MAX = 21_600_000;

/**
 * Sends the record of a batch that was given up to the mapping's failure destination, again and again until it is taken.
 * Resolves with what became of it: `none` where there is no destination, or it will never take the record; `left` when
 * the run is to end first: then the batch is found again by the next run. The same record may come twice.
 */
export async function deliverFailure(
  destinations: DestinationPort,
  run: MappingRun,
  bells: Bells,
  failure: GivenUp,
): Promise<'delivered' | 'none' | 'left'> {
  const { namespace, mapping, roleArn, clock } = run;
  const target = mapping.settings.DestinationConfig?.OnFailure?.Destination;
  const service = destinationService(mapping.settings.DestinationConfig);
  if (target === undefined || service === undefined) return 'none';
  if (!destinations.isConfigured(service satisfies NeighbourName)) {
    run.note(`records of failed batches are not delivered to ${target}: no endpoint is configured for it`);
    return 'none';
  }
  const owner = { account: namespace.account, region: namespace.region, functionName: mapping.functionName };
  const delivery = {
    target,
    functionArn: mappedFunctionArn(namespace, mapping),
    requestId: requestIdOf(failure),
    traceHeader: '',
    isSuccess: false,
    endedMs: failure.endedMs,
    setbacks: 0,
    ...(roleArn === undefined ? {} : { roleArn }),
    ...(service === 's3' ? { objectKey: failureObjectKey(mapping.uuid, failure) } : {}),
  };
  const body = failureRecord(run, failure, service === 's3');
  for (let waitMs = WAIT_FIRST_MS; ; waitMs = Math.min(2 * waitMs, WAIT_MS_MAX)) {
    try {
      await destinations.send(owner, delivery, body);
      return 'delivered';
    } catch (error) {
      const { message } = error as Error;
      const isGivenUp = isFinalRefusal(error) || clock.now() - failure.endedMs > AWAY_MS_MAX;
      run.note(`a record of a failed batch is not delivered to ${target}${isGivenUp ? '' : ' yet'}: ${message}`);
      if (isGivenUp) return 'none';
    }
    await bells.pause(waitMs);
    if (bells.isEnding) return 'left';
  }
}
