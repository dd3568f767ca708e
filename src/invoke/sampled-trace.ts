import { createHash } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import type { Ids } from '../base/ids.ts';
import type { Fault } from '../environments/fault.ts';
import type { InitRecord, RunRecord } from '../environments/run-record.ts';
import { ApiError, errorKind } from '../model/api-error.ts';
import { causeOfPayload, readErrorCause } from './error-cause.ts';
import type { InvokeOutcome, InvokeTarget, OpenTrace, TracedRequest } from './invoker.ts';
import type { ErrorCause, SegmentDocument, SegmentOwner, SegmentSink, SubsegmentDocument } from './segment-document.ts';

const ID_DIGITS = 16;
const PARENT_FIELD = /;Parent=[0-9a-f]{16}/;

export interface SampledTraceParts {
  readonly sink: SegmentSink;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** Where in its trace an invoke is. */
export interface TracePlace {
  readonly root: string;
  /** The caller's segment. */
  readonly parent: string | undefined;
}

/** One invoke of a sampled trace: sends its segments as it goes. */
export class SampledTrace implements OpenTrace {
  readonly #parts: SampledTraceParts;
  readonly #target: InvokeTarget;
  readonly #place: TracePlace;
  readonly #functionId: string;
  readonly #outerId: string;
  readonly #startMs: number;
  /** What the function sees, and its caller: the function's segment is the parent of what comes below. */
  readonly header: string;

  constructor(parts: SampledTraceParts, target: InvokeTarget, header: string, place: TracePlace) {
    const { clock, ids } = parts;
    this.#parts = parts;
    this.#target = target;
    this.#place = place;
    this.#functionId = ids.hex(ID_DIGITS);
    this.#outerId = ids.hex(ID_DIGITS);
    this.#startMs = clock.now();
    this.header = header.replace(PARENT_FIELD, `;Parent=${this.#functionId}`);
  }

  /** The environment is done with the invoke: its AWS::Lambda::Function segment. */
  ran({ requestId }: TracedRequest, { inits, invocation, endMs, fault }: RunRecord): void {
    const { account, invokedArn, version } = this.#target;
    const cause = fault && this.#causeOf(fault);
    const subsegments = inits.map((init) => this.#initialization(init, invocation !== undefined));
    if (invocation) {
      const { startMs, endMs: answeredMs } = invocation;
      subsegments.push({ ...this.#subsegment('Invocation', startMs, answeredMs), ...failure(fault) });
      subsegments.push(this.#subsegment('Overhead', answeredMs, Math.max(answeredMs, endMs)));
    }
    const startMs = Math.min(...inits.map((init) => init.startMs), invocation?.startMs ?? endMs);
    this.#send({
      trace_id: this.#place.root,
      id: this.#functionId,
      parent_id: this.#outerId,
      name: version.functionName,
      origin: 'AWS::Lambda::Function',
      start_time: startMs / 1000,
      end_time: endMs / 1000,
      ...failure(fault, cause),
      aws: {
        account_id: account,
        function_arn: invokedArn,
        request_id: requestId,
        resource_names: [version.functionName],
      },
      subsegments,
    });
  }

  /** The caller has its answer. */
  answered(request: TracedRequest, { functionError }: InvokeOutcome): void {
    this.#finish(request, 200, functionError === undefined ? {} : { fault: true });
  }

  /** The caller was refused, or the sandbox failed. A refused event is tried again, which is no attempt yet. */
  refused(request: TracedRequest, error: unknown): void {
    if (request.attempt !== undefined) return;
    const status = error instanceof ApiError ? errorKind(error.name).status : 500;
    this.#finish(request, status, flagsOf(status));
  }

  #finish(request: TracedRequest, status: number, flags: Flags): void {
    const { clock } = this.#parts;
    const { requestId, attempt } = request;
    const times = { start_time: this.#startMs / 1000, end_time: clock.now() / 1000 };
    const answer = { http: { response: { status } }, ...flags };
    if (attempt === undefined) {
      const segment = lambdaSegment(this.#target, requestId, this.#place);
      this.#send({ ...segment, id: this.#outerId, ...times, ...answer });
      return;
    }
    const parent = { trace_id: this.#place.root, parent_id: eventSegmentId(requestId), type: 'subsegment' as const };
    if (attempt.number === 1)
      this.#send({ ...parent, ...this.#subsegment('Dwell Time', attempt.bornMs, this.#startMs) });
    this.#send({ ...parent, id: this.#outerId, name: `Attempt #${attempt.number}`, ...times, ...answer });
  }

  #send(document: SegmentDocument): void {
    this.#parts.sink.send(document, ownerOf(this.#target));
  }

  /** Its cause is the segment's own, if all of them failed. */
  #initialization({ startMs, endMs, fault }: InitRecord, hasOwnCause: boolean): SubsegmentDocument {
    const cause = fault && hasOwnCause ? this.#causeOf(fault) : undefined;
    return {
      ...this.#subsegment('Initialization', startMs, endMs),
      ...failure(fault, cause),
      aws: { function_arn: this.#target.invokedArn },
    };
  }

  #subsegment(name: string, startMs: number, endMs: number): SubsegmentDocument {
    const id = this.#parts.ids.hex(ID_DIGITS);
    return { id, name, start_time: startMs / 1000, end_time: endMs / 1000 };
  }

  /** What the runtime said for this purpose, or else what it told the caller. */
  #causeOf({ cause, payload }: Fault): ErrorCause | undefined {
    const found = readErrorCause(cause) ?? causeOfPayload(payload);
    if (found === undefined) return undefined;
    const { ids } = this.#parts;
    return { ...found, exceptions: found.exceptions.map((one) => ({ id: ids.hex(ID_DIGITS), ...one })) };
  }
}

interface Flags {
  readonly fault?: true;
  readonly error?: true;
  readonly throttle?: true;
}

function flagsOf(status: number): Flags {
  if (status >= 500) return { fault: true };
  return status === 429 ? { error: true, throttle: true } : { error: true };
}

function failure(fault: Fault | undefined, cause?: ErrorCause): Flags & { readonly cause?: ErrorCause } {
  if (fault === undefined) return {};
  return { fault: true, ...(cause === undefined ? {} : { cause }) };
}

export function ownerOf({ account, region, version }: InvokeTarget): SegmentOwner {
  return { account, region, functionName: version.functionName };
}

/** What every AWS::Lambda segment has. */
export function lambdaSegment(
  { account, invokedArn, version }: InvokeTarget,
  requestId: string,
  { root, parent }: TracePlace,
): Omit<SegmentDocument, 'id' | 'start_time' | 'end_time'> {
  return {
    trace_id: root,
    ...(parent === undefined ? {} : { parent_id: parent }),
    name: version.functionName,
    origin: 'AWS::Lambda',
    resource_arn: invokedArn,
    aws: { account_id: account, function_arn: invokedArn, request_id: requestId },
  };
}

/** An event's segment is named by its attempts before it is sent, perhaps by another run of the server. */
export function eventSegmentId(requestId: string): string {
  return createHash('sha256').update(requestId).digest('hex').slice(0, ID_DIGITS);
}
