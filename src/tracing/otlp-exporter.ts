/** Segments to an OpenTelemetry collector: posted in batches as JSON (OTLP over HTTP). */
import http from 'node:http';
import https from 'node:https';
import type { Clock, Timer } from '../base/clock.ts';
import type { OtlpEndpoint } from '../base/tracing-settings.ts';
import type { SegmentOwner } from '../invoke/segment-document.ts';
import { resourceOf, type Span, spansOf } from './otlp-spans.ts';
import { type AnySegment, noteOnce, type TraceTarget } from './trace-target.ts';

/** Spans that wait; more are dropped. */
const WAITING_MAX = 4096;
const BATCH_MAX = 512;
/** How long a span waits for others to go with it. */
const BATCH_DELAY_MS = 200;
const SEND_MS_MAX = 5000;
/** After a refusal that may pass; a batch is tried so often. */
const RETRY_DELAY_MS = 1000;
const ATTEMPTS_MAX = 3;
const PASSING: ReadonlySet<number> = new Set([429, 502, 503, 504]);

interface Waiting {
  readonly span: Span;
  readonly owner: SegmentOwner;
}

export class OtlpExporter implements TraceTarget {
  readonly name = 'otlp';
  readonly counts = { sent: 0, dropped: 0 };
  readonly #endpoint: OtlpEndpoint;
  readonly #clock: Pick<Clock, 'after' | 'monotonic'>;
  readonly #noted: ReturnType<typeof noteOnce>;
  readonly #agent: http.Agent;
  readonly #waiting: Waiting[] = [];
  #timer: Timer | undefined;
  #sending: Promise<void> | undefined;
  #closeByMs: number | undefined;

  constructor(endpoint: OtlpEndpoint, clock: Pick<Clock, 'after' | 'monotonic'>, note: (line: string) => void) {
    this.#endpoint = endpoint;
    this.#clock = clock;
    this.#noted = noteOnce(note);
    const options = { keepAlive: true, maxSockets: 1 };
    this.#agent = endpoint.url.startsWith('https:') ? new https.Agent(options) : new http.Agent(options);
  }

  send(segment: AnySegment, owner: SegmentOwner): void {
    const spans = spansOf(segment);
    const room = this.#closeByMs === undefined ? WAITING_MAX - this.#waiting.length : 0;
    // A document that is no segment is one thing that was dropped.
    this.counts.dropped += Math.max(spans.length - room, spans.length === 0 ? 1 : 0);
    for (const span of spans.slice(0, room)) this.#waiting.push({ span, owner });
    if (this.#waiting.length > 0) this.#sendLater();
  }

  async close(withinMs: number): Promise<void> {
    this.#closeByMs = this.#clock.monotonic() + withinMs;
    this.#timer?.cancel();
    // What is under way when the time is over ends with its connection.
    const timer = this.#clock.after(withinMs, () => this.#agent.destroy());
    await this.#sending;
    await this.#sendAll();
    timer.cancel();
    this.#agent.destroy();
  }

  #sendLater(): void {
    if (this.#timer || this.#sending) return;
    this.#timer = this.#clock.after(BATCH_DELAY_MS, () => {
      this.#timer = undefined;
      this.#sending = this.#sendAll().finally(() => {
        this.#sending = undefined;
        if (this.#waiting.length > 0 && this.#closeByMs === undefined) this.#sendLater();
      });
    });
  }

  /** Never rejects. */
  async #sendAll(): Promise<void> {
    for (;;) {
      const batch = this.#waiting.splice(0, BATCH_MAX);
      if (batch.length === 0) return;
      const trouble = await this.#sendBatch(Buffer.from(JSON.stringify(requestOf(batch))));
      if (trouble === undefined) {
        this.counts.sent += batch.length;
        this.#noted.over();
      } else {
        this.counts.dropped += batch.length;
        this.#noted.trouble(`OTLP at ${new URL(this.#endpoint.url).origin}: ${trouble}`);
      }
    }
  }

  async #sendBatch(body: Buffer): Promise<string | undefined> {
    for (let attempt = 1; ; attempt++) {
      const leftMs = this.#closeByMs === undefined ? SEND_MS_MAX : this.#closeByMs - this.#clock.monotonic();
      if (leftMs <= 0) return 'the server ends';
      const { trouble, passes } = await this.#post(body, Math.min(leftMs, SEND_MS_MAX));
      if (trouble === undefined || !passes || attempt >= ATTEMPTS_MAX || this.#closeByMs !== undefined) return trouble;
      await new Promise<void>((resolve) => this.#clock.after(RETRY_DELAY_MS, resolve));
    }
  }

  #post(body: Buffer, withinMs: number): Promise<{ readonly trouble?: string; readonly passes?: boolean }> {
    const { url, headers } = this.#endpoint;
    return new Promise((resolve) => {
      const request = (url.startsWith('https:') ? https : http).request(url, {
        method: 'POST',
        agent: this.#agent,
        headers: { ...headers, 'content-type': 'application/json', 'content-length': body.length },
      });
      const timer = this.#clock.after(withinMs, () => request.destroy(new Error(`no answer within ${withinMs} ms`)));
      const settle = (result: { readonly trouble?: string; readonly passes?: boolean }) => {
        timer.cancel();
        resolve(result);
      };
      request.on('response', (response) => {
        const { statusCode = 0 } = response;
        response.on('error', () => undefined);
        // What it says is read away, for the connection to be used again; a long tale ends with the time.
        response.on('close', () =>
          settle(statusCode < 300 ? {} : { trouble: `status ${statusCode}`, passes: PASSING.has(statusCode) }),
        );
        response.resume();
      });
      request.on('error', (error) => settle({ trouble: error.message, passes: true }));
      request.end(body);
    });
  }
}

/** Spans by the function that they belong to. */
function requestOf(batch: readonly Waiting[]) {
  const groups = Map.groupBy(batch, ({ owner }) => `${owner.account}/${owner.region}/${owner.functionName}`);
  return {
    resourceSpans: [...groups.values()].map((group) => ({
      resource: resourceOf((group[0] as Waiting).owner),
      scopeSpans: [{ scope: { name: 'lambdad' }, spans: group.map(({ span }) => span) }],
    })),
  };
}
