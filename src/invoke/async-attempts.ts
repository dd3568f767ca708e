import type { Clock } from '../base/clock.ts';
import type { Ids } from '../base/ids.ts';
import { neighbourOf } from '../base/inert-settings.ts';
import { readEventInvokeConfig } from '../functions/event-invoke-config.ts';
import { checkInvocable } from '../functions/preconditions.ts';
import { LATEST, type VersionBody } from '../functions/records.ts';
import { resolveInvoke } from '../functions/resolve.ts';
import { ApiError, errorKind } from '../model/api-error.ts';
import type { InertRecorder } from '../neighbours/inert.ts';
import type { EventQueue, ItemOwner, NewItem } from '../store/event-queue.ts';
import type { MetadataStore } from '../store/metadata.ts';
import type { Delivery, DestinationPort } from './async-destinations.ts';
import {
  type AsyncEvent,
  type AsyncLimits,
  type AttemptAnswer,
  type AttemptResult,
  backoffMs,
  cutMessage,
  DEFAULT_EVENT_AGE_MAX_MS,
  DEFAULT_RETRIES_MAX,
  type Ending,
  endingWithoutAttempt,
  nextStep,
} from './async-event.ts';
import { deadLetterAttributes, invocationRecord, type RecordedEvent, recordedArn } from './async-record.ts';
import type { InvokeMetrics } from './invoke-metrics.ts';
import type { InvokeOutcome, Invoker, InvokeTarget } from './invoker.ts';
import type { HeldItem } from './queue-line.ts';
import type { Step } from './queue-runner.ts';
import type { Tracing } from './tracing.ts';

export interface AttemptTools {
  readonly queue: EventQueue;
  readonly metadata: MetadataStore;
  readonly invoker: Pick<Invoker, 'invoke'>;
  readonly destinations: Pick<DestinationPort, 'isConfigured'>;
  readonly inert: Pick<InertRecorder, 'note' | 'noteForLog'>;
  readonly metrics: InvokeMetrics;
  /** Undefined where segments go nowhere. */
  readonly tracing?: Tracing | undefined;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly note: (line: string) => void;
  readonly isClosing: () => boolean;
}

/** How events of one qualifier are handled. */
interface Settings {
  readonly limits: AsyncLimits;
  readonly onSuccess?: string;
  readonly onFailure?: string;
}

/** An attempt's result with the bytes that it came with. */
type Result = AttemptResult & { readonly outcome?: InvokeOutcome };

/**
 * Works on an event once: through the same invoker, and so within the same limits, as every other invoke. An event of a
 * function, a version or an alias that is gone is dropped, also where another function has its name: its settings are
 * gone with it.
 */
export async function attempt(tools: AttemptTools, held: HeldItem): Promise<Step> {
  const event = held.item.detail as AsyncEvent;
  try {
    return await attemptOnce(tools, held, event);
  } catch (error) {
    // The store could not be asked. Whether the event is too old is seen when it can.
    tools.note(`${held.item.functionName}: event ${event.requestId}: ${(error as Error).message}`);
    const setbacks = event.setbacks + 1;
    return {
      type: 'later',
      dueMs: tools.clock.now() + backoffMs(setbacks),
      detail: { ...event, setbacks },
      slower: true,
    };
  }
}

async function attemptOnce(tools: AttemptTools, held: HeldItem, event: AsyncEvent): Promise<Step> {
  const { queue, metadata, clock, note, metrics } = tools;
  const { item } = held;
  // The settings first: they are this function's when the function that is found after them still is.
  const settings = await settingsOf(metadata, item, event);
  const target = await findTarget(tools, item, event);
  if (target === undefined) {
    metrics.find(item).eventsDropped++;
    return { type: 'end', following: [] };
  }
  const figures = metrics.of(item.account, item.region, item.functionName);
  const requestPayload = await queue.payload(item);
  if (requestPayload === undefined) {
    figures.eventsDropped++;
    note(`${item.functionName}: event ${event.requestId} is dropped: its payload is gone from the disk`);
    return { type: 'end', following: [] };
  }
  const end = (ending: Ending, outcome?: InvokeOutcome): Step => {
    if (ending.condition !== 'Success') figures.eventsDropped++;
    const recorded = recordedOf({ owner: item, event, ending, endedMs: clock.now(), requestPayload }, outcome);
    const { requestId, traceHeader: accepted } = event;
    const failed = ending.condition !== 'Success';
    tools.tracing?.eventEnded(target, { requestId, traceHeader: accepted, bornMs: held.bornMs, failed });
    // What the function saw: its lineage counts the way through this function.
    const { traceHeader } = outcome ?? event;
    return { type: 'end', following: following(tools, target.version, settings, recorded, traceHeader) };
  };
  const { limits } = settings;
  const early = endingWithoutAttempt(event, clock.now() - held.bornMs, limits, target.reservedConcurrency);
  if (early !== undefined) return end(early);
  figures.eventTried(clock.now() - held.bornMs);
  const notes = inertDestinations(tools, item, event, settings);
  const result = await run(tools, target, event, held.bornMs, requestPayload, notes);
  // What the end of the server does to a function is not the function's failure.
  if (tools.isClosing() && result.type !== 'succeeded') return { type: 'leave' };
  const next = nextStep(event, held.bornMs, clock.now(), limits, result);
  if (next.type === 'ended') return end(next.ending, result.outcome);
  return { type: 'later', dueMs: next.dueMs, detail: next.event, slower: result.type === 'set-back' };
}

async function findTarget(
  { metadata, ids }: AttemptTools,
  owner: ItemOwner,
  { qualifier, tenantId, functionId }: AsyncEvent,
): Promise<InvokeTarget | undefined> {
  try {
    const target = await resolveInvoke(metadata, ids, owner, owner.functionName, qualifier);
    if (target.functionId !== functionId) return undefined;
    return tenantId === undefined ? target : { ...target, tenantId };
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}

async function settingsOf(metadata: MetadataStore, owner: ItemOwner, { qualifier = LATEST }: AsyncEvent) {
  const record = await readEventInvokeConfig(metadata, owner, { name: owner.functionName, qualifier });
  const { retriesMax = DEFAULT_RETRIES_MAX, eventAgeMaxS, destinations = {} } = record?.body ?? {};
  const eventAgeMaxMs = eventAgeMaxS === undefined ? DEFAULT_EVENT_AGE_MAX_MS : eventAgeMaxS * 1000;
  return { limits: { retriesMax, eventAgeMaxMs }, ...destinations } satisfies Settings;
}

/** Lines for the function's log: what its records would be sent to is not there. */
function inertDestinations(
  { destinations, inert }: AttemptTools,
  owner: ItemOwner,
  event: AsyncEvent,
  { onSuccess, onFailure }: Settings,
): readonly string[] {
  const lines: string[] = [];
  for (const arn of [onSuccess, onFailure]) {
    const neighbour = arn === undefined ? undefined : neighbourOf(arn);
    if (neighbour === undefined || destinations.isConfigured(neighbour)) continue;
    const line = inert.noteForLog(neighbour, 'DestinationConfig', recordedArn(owner, event));
    if (line !== undefined) lines.push(line);
  }
  return lines;
}

async function run(
  { invoker, note }: AttemptTools,
  target: InvokeTarget,
  { requestId, traceHeader, failures }: AsyncEvent,
  bornMs: number,
  payload: Uint8Array,
  notes: readonly string[],
): Promise<Result> {
  try {
    checkInvocable(target.version);
    const said = notes.length === 0 ? {} : { notes };
    const outcome = await invoker.invoke(target, {
      requestId,
      payload,
      traceHeader,
      attempt: { number: failures + 1, bornMs },
      tail: false,
      ...said,
    });
    const { executedVersion, functionError } = outcome;
    const answer: AttemptAnswer = { statusCode: 200, executedVersion };
    if (functionError === undefined) return { type: 'succeeded', answer, outcome };
    return { type: 'failed', answer: { ...answer, functionError, ...errorMessageOf(outcome.payload) }, outcome };
  } catch (error) {
    const { message } = error as Error;
    if (!(error instanceof ApiError)) note(`${target.version.functionName}: event ${requestId}: ${message}`);
    const statusCode = error instanceof ApiError ? errorKind(error.name).status : 500;
    const isLoop = error instanceof ApiError && error.name === 'RecursiveInvocationException';
    return { type: isLoop ? 'looped' : 'set-back', answer: { statusCode, errorMessage: cutMessage(message) } };
  }
}

/** `errorMessage` of the function's answer, where it has one. */
function errorMessageOf(payload: Uint8Array): { readonly errorMessage?: string } {
  try {
    const { errorMessage } = Object(JSON.parse(Buffer.from(payload).toString())) as { readonly errorMessage?: unknown };
    if (typeof errorMessage === 'string') return { errorMessage: cutMessage(errorMessage) };
  } catch {
    // An answer that is no JSON has no message.
  }
  return {};
}

function recordedOf(recorded: RecordedEvent, outcome: InvokeOutcome | undefined): RecordedEvent {
  if (outcome === undefined) return recorded;
  const { payload: responsePayload, contentType } = outcome;
  return { ...recorded, responsePayload, isOpaque: contentType !== undefined };
}

/** The deliveries that an ending asks for; both a dead letter and a record where both are wished. */
function following(
  tools: AttemptTools,
  version: VersionBody,
  settings: Settings,
  recorded: RecordedEvent,
  traceHeader: string,
): NewItem[] {
  const { event, ending, endedMs, requestPayload } = recorded;
  const isSuccess = ending.condition === 'Success';
  const common = {
    functionArn: recordedArn(recorded.owner, event),
    requestId: event.requestId,
    traceHeader,
    roleArn: version.settings.role,
    isSuccess,
    endedMs,
    setbacks: 0,
  };
  const items: NewItem[] = [];
  const add = (setting: string, delivery: Delivery, payload: () => Uint8Array) => {
    const neighbour = neighbourOf(delivery.target);
    if (neighbour !== undefined && !tools.destinations.isConfigured(neighbour)) {
      tools.inert.note(neighbour, setting, common.functionArn);
      return;
    }
    const { account, region, functionName } = recorded.owner;
    const owner = { account, region, functionName };
    items.push({ ...owner, lane: 'delivery', bornMs: endedMs, dueMs: endedMs, detail: delivery, payload: payload() });
  };
  const destination = isSuccess ? settings.onSuccess : settings.onFailure;
  if (destination !== undefined)
    add('DestinationConfig', { ...common, target: destination }, () => invocationRecord(recorded));
  const deadLetters = isSuccess ? undefined : deadLetterTarget(version);
  if (deadLetters !== undefined) {
    const attributes = deadLetterAttributes(event, ending);
    add('DeadLetterConfig', { ...common, target: deadLetters, attributes }, () => requestPayload);
  }
  return items;
}

function deadLetterTarget({ settings }: VersionBody): string | undefined {
  const { TargetArn } = Object(settings.kept.DeadLetterConfig) as { readonly TargetArn?: unknown };
  return typeof TargetArn === 'string' && TargetArn !== '' ? TargetArn : undefined;
}
