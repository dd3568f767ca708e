/**
 * Which invokes are traced, and the segments of those that are.
 *
 * As on AWS a trace has two segments for each invoke: AWS::Lambda, the service's view (for an event from its acceptance to
 * its end, with a subsegment for each attempt), and AWS::Lambda::Function, the function's, with Initialization, Invocation
 * and Overhead. The function sees the second one as the parent of whatever it sends itself.
 *
 * A caller's decision counts, whatever the function's TracingConfig. Without one, Active samples AWS's default: the first
 * invoke of each second and 5 % of the others; PassThrough samples nothing.
 *
 * Deliberate differences from AWS: the rule counts for each function by itself, and no rules are asked of anybody. Of an
 * event there is nothing to see until its first attempt is over.
 */
import type { Clock } from '../base/clock.ts';
import type { Ids } from '../base/ids.ts';
import { LruMap } from '../base/lru.ts';
import type { InvokeTarget, OpenTrace } from './invoker.ts';
import { RateLimit } from './rate-limit.ts';
import { eventSegmentId, lambdaSegment, ownerOf, SampledTrace } from './sampled-trace.ts';
import type { SegmentSink } from './segment-document.ts';
import { readTraceHeader } from './trace-header.ts';

const RESERVOIR = 1;
const RESERVOIR_WINDOW_MS = 1000;
const SHARE_BEYOND = 0.05;
/** Functions whose second is remembered; beyond it one may be sampled once more. */
const RESERVOIRS_MAX = 10_000;

export interface TracingParts {
  readonly sink: SegmentSink;
  readonly clock: Clock;
  readonly ids: Ids;
}

export interface EndedEvent {
  readonly requestId: string;
  /** As it was accepted. */
  readonly traceHeader: string;
  /** Epoch milliseconds of its acceptance. */
  readonly bornMs: number;
  readonly failed: boolean;
}

export class Tracing {
  readonly #parts: TracingParts;
  readonly #reservoirs = new LruMap<string, RateLimit>(RESERVOIRS_MAX);

  constructor(parts: TracingParts) {
    this.#parts = parts;
  }

  /** Whether an invoke is sampled of which nobody has decided yet. */
  decide({ account, region, version }: InvokeTarget): boolean {
    if (version.settings.tracingMode !== 'Active') return false;
    const { clock, ids } = this.#parts;
    const key = `${account}/${region}/${version.functionName}`;
    let reservoir = this.#reservoirs.get(key);
    if (!reservoir) {
      reservoir = new RateLimit(RESERVOIR_WINDOW_MS);
      this.#reservoirs.set(key, reservoir);
    }
    return reservoir.take(RESERVOIR, clock.monotonic()) || ids.fraction() < SHARE_BEYOND;
  }

  /**
   * The trace of an invoke that goes on with this header, if it is sampled. `given`: the caller's, whose parent is not of
   * our making.
   */
  begin(target: InvokeTarget, header: string, given: string | undefined): OpenTrace | undefined {
    if (!header.includes('Sampled=1')) return undefined;
    const read = readTraceHeader(header);
    if (read?.sampled !== '1') return undefined;
    const place = { root: read.root, parent: readTraceHeader(given)?.parent };
    return new SampledTrace(this.#parts, target, header, place);
  }

  /** An event has come to its end: its AWS::Lambda segment, parts of which its attempts have told before. */
  eventEnded(target: InvokeTarget, { requestId, traceHeader, bornMs, failed }: EndedEvent): void {
    const read = readTraceHeader(traceHeader);
    if (read?.sampled !== '1') return;
    const { sink, clock } = this.#parts;
    const segment = {
      ...lambdaSegment(target, requestId, read),
      id: eventSegmentId(requestId),
      start_time: bornMs / 1000,
      end_time: clock.now() / 1000,
      http: { response: { status: 202 } },
      ...(failed ? { fault: true as const } : {}),
    };
    sink.send(segment, ownerOf(target));
  }
}
