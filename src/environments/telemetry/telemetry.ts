import type { Clock, Timer } from '../../base/clock.ts';
import type { FunctionLog } from '../../logs/function-log.ts';
import type { LogTap } from '../../logs/log-tap.ts';
import type { PlatformEvent } from '../../logs/platform-event.ts';
import type { ApiRequest } from '../runtime-api/request-parser.ts';
import type { TelemetryApiName } from './answers.ts';
import * as answers from './answers.ts';
import { environmentBudget } from './buffer-budget.ts';
import type { Dial } from './delivery.ts';
import { encodeEvent, type SchemaVersion, type TelemetryEvent } from './event-record.ts';
import { HttpDelivery } from './http-delivery.ts';
import { InitHistory } from './init-history.ts';
import { type Lost, Subscriber } from './subscriber.ts';
import { isRefusal, judgeSubscription, type Subscription } from './subscription.ts';
import { TcpDelivery } from './tcp-delivery.ts';

/**
 * The Telemetry API (2022-07-01) and the Logs API (2020-08-15) of one execution environment. Source: runtime-facts 2.
 *
 * Extensions subscribe while init lasts; from then on they get platform events, the function's records and those of
 * extensions, with what init had logged before. Telemetry goes to ports of the environment's own loopback address and
 * nowhere else. A subscriber that is slow, gone or malicious loses its own records.
 *
 * An extension that subscribes to `extension` and logs what it is sent gets that back, as on AWS: once in each of its
 * buffering periods, within the rate at which an environment may log.
 */

const BODY_BYTES_MAX = 1_048_576;
/** How often at most the log says that subscribers lose records. */
const LOST_NOTICE_MS = 1000;
const LOST_REASON = 'Some logs were dropped because the downstream consumer is slower than the logs production rate';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export interface TelemetryParts {
  readonly clock: Clock;
  readonly log: FunctionLog;
  /** See Sandbox.dial. */
  readonly dial: Dial;
  /** The name of the extension that registered and got this identifier; undefined: there is none. */
  readonly extensionNameOf: (identifier: string) => string | undefined;
}

interface Subscribed {
  readonly api: TelemetryApiName;
  readonly subscription: Subscription;
  readonly subscriber: Subscriber;
}

export class Telemetry implements LogTap {
  readonly #parts: TelemetryParts;
  readonly #budget = environmentBudget();
  /** By the name of the extension: each has one subscription. */
  readonly #subscribed = new Map<string, Subscribed>();
  /** What init has logged; undefined once it is over. */
  #history: InitHistory | undefined = new InitHistory();
  #lostRecords = 0;
  #lostBytes = 0;
  #lostTimer: Timer | undefined;

  constructor(parts: TelemetryParts) {
    this.#parts = parts;
    parts.log.listen(this);
  }

  /** PUT /2022-07-01/telemetry and /2020-08-15/logs: the bytes of the whole HTTP answer. */
  answer(request: ApiRequest): Buffer {
    const api = apiAt(request.path);
    if (!api) return answers.notFound;
    if (request.method !== 'PUT') return answers.methodNotAllowed;
    const identifier = request.headers.get('lambda-extension-identifier');
    if (!identifier) return answers.missingIdentifier;
    if (!UUID.test(identifier)) return answers.invalidIdentifier;
    const name = this.#parts.extensionNameOf(identifier);
    if (name === undefined) return answers.unknownIdentifier(identifier);
    if (!this.#history) return answers.subscriptionClosed(api);
    if (request.tooLarge || request.body.length > BODY_BYTES_MAX) return answers.tooLarge(BODY_BYTES_MAX);
    return this.#subscribe(name, api, request.body, this.#history);
  }

  /** Init is over: no further subscription. Where there is none, the log is listened to no more. */
  closeSubscriptions(): void {
    this.#history = undefined;
    if (this.#subscribed.size === 0) this.#parts.log.listen(undefined);
  }

  /**
   * The processes are gone: subscriptions end, and what waits for them is dropped. What is logged from now on is kept for
   * those of the next init.
   */
  reset(): void {
    for (const { subscriber } of this.#subscribed.values()) subscriber.close();
    this.#subscribed.clear();
    this.#sayLost();
    this.#history = new InitHistory();
    this.#parts.log.listen(this);
  }

  /** Delivers without delay what waits; resolves when all of it is taken, or the time is over. */
  async flush(withinMs: number): Promise<void> {
    if (this.#subscribed.size === 0) return;
    await Promise.all([...this.#subscribed.values()].map(({ subscriber }) => subscriber.flush(withinMs)));
    this.#sayLost();
  }

  /** The processes are frozen: nothing new is sent, and time does not count against subscribers. */
  pause(): void {
    for (const { subscriber } of this.#subscribed.values()) subscriber.pause();
  }

  resume(): void {
    for (const { subscriber } of this.#subscribed.values()) subscriber.resume();
  }

  platform(event: PlatformEvent, timeMs: number): void {
    this.#spread({ type: 'platform', event, timeMs });
  }

  record(from: 'function' | 'extension', message: string, timeMs: number): void {
    this.#spread({ type: from, message, timeMs });
  }

  #subscribe(name: string, api: TelemetryApiName, body: Buffer, history: InitHistory): Buffer {
    const judged = judgeSubscription(body, api);
    if (isRefusal(judged)) return answers.refused(judged);
    const earlier = this.#subscribed.get(name);
    if (earlier && earlier.api !== api) return answers.refused(otherApi(name, api, earlier.api));
    if (earlier && JSON.stringify(earlier.subscription) === JSON.stringify(judged)) return answers.alreadySubscribed;
    // A new subscription takes the place of the earlier one, and begins with the init as that one did.
    earlier?.subscriber.close();
    const subscriber = this.#subscriber(judged);
    this.#subscribed.set(name, { api, subscription: judged, subscriber });
    if (history.lost.records > 0) subscriber.lose(history.lost);
    for (const event of history.events) this.#push({ subscription: judged, subscriber }, event);
    const type = api === 'Logs' ? 'logsSubscription' : 'telemetrySubscription';
    this.#parts.log.platform({ type, name, types: judged.types });
    return answers.subscribed;
  }

  #subscriber({ buffering, destination, schema, types }: Subscription): Subscriber {
    const { clock, dial } = this.#parts;
    return new Subscriber({
      clock,
      buffering,
      delivery:
        destination.protocol === 'HTTP' ? new HttpDelivery(destination, dial) : new TcpDelivery(destination, dial),
      budget: this.#budget,
      lost: (lost) => this.#countLost(lost),
      lostNotice: ({ records, bytes }) => {
        if (!types.includes('platform')) return undefined;
        const event = {
          type: 'logsDropped',
          droppedBytes: bytes,
          droppedRecords: records,
          reason: LOST_REASON,
        } as const;
        return encodeEvent({ type: 'platform', event, timeMs: clock.now() }, schema, false)[0];
      },
    });
  }

  #spread(event: TelemetryEvent): void {
    this.#history?.add(event);
    if (this.#subscribed.size === 0) return;
    const encoded = new Map<SchemaVersion, readonly string[]>();
    for (const subscribed of this.#subscribed.values()) this.#push(subscribed, event, encoded);
  }

  #push(
    { subscription, subscriber }: Pick<Subscribed, 'subscription' | 'subscriber'>,
    event: TelemetryEvent,
    encoded?: Map<SchemaVersion, readonly string[]>,
  ): void {
    const { types, schema } = subscription;
    if (!types.includes(event.type)) return;
    const texts = encoded?.get(schema) ?? encodeEvent(event, schema, this.#parts.log.format === 'JSON');
    encoded?.set(schema, texts);
    for (const text of texts) subscriber.push(text);
  }

  #countLost({ records, bytes }: Lost): void {
    this.#lostRecords += records;
    this.#lostBytes += bytes;
    this.#lostTimer ??= this.#parts.clock.after(LOST_NOTICE_MS, () => this.#sayLost());
  }

  #sayLost(): void {
    this.#lostTimer?.cancel();
    this.#lostTimer = undefined;
    if (this.#lostRecords === 0) return;
    this.#parts.log.subscriberLost(this.#lostRecords, this.#lostBytes, LOST_REASON);
    this.#lostRecords = 0;
    this.#lostBytes = 0;
  }
}

function apiAt(path: string): TelemetryApiName | undefined {
  const [place = ''] = path.split('?', 1);
  if (/^\/2022-07-01\/telemetry\/?$/.test(place)) return 'Telemetry';
  return /^\/2020-08-15\/logs\/?$/.test(place) ? 'Logs' : undefined;
}

function otherApi(name: string, api: TelemetryApiName, earlier: TelemetryApiName): answers.Refusal {
  const errorMessage =
    `The extension ${name} is already subscribed to the ${earlier}API. ` +
    'You must either subscribe to the LogsAPI or the TelemetryAPI';
  return { status: '400 Bad Request', errorType: `${api}.AccessDenied`, errorMessage };
}
