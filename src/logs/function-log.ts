import type { Clock, Timer } from '../base/clock.ts';
import type { Ids } from '../base/ids.ts';
import type { Logging } from '../functions/records.ts';
import { LogBudget } from './log-budget.ts';
import { type FramePiece, LogFrames } from './log-frames.ts';
import { judgeLine, type LogLevel, levelOfLine, reaches } from './log-level.ts';
import { LogLines } from './log-lines.ts';
import type { LogStore, LogStreamKey } from './log-store.ts';
import { LogTail } from './log-tail.ts';
import type { LogTap } from './log-tap.ts';
import type { PlatformEvent } from './platform-event.ts';
import { formatPlatform } from './platform-lines.ts';

export interface FunctionLogParts {
  readonly store: LogStore;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly account: string;
  readonly region: string;
  readonly logging: Logging;
  /** `$LATEST` or a number; part of the stream's name. */
  readonly version: string;
}

/** Lines wait this long for company, so that a warm invoke hands them over at most once. */
const BATCH_DELAY_MS = 10;
const BATCH_EVENTS_MAX = 256;
const BATCH_CHARACTERS_MAX = 256 * 1024;
/** While records are being dropped, how often that is said; the end of the invoke always says it. */
const NOTICE_INTERVAL_MS = 1000;
const DROP_REASON = 'The output came faster than lambdad keeps it, or was no log frame';

/**
 * The log of one execution environment: a stream of its own, into which the platform's lines and the function's output go
 * in the order in which they come.
 *
 * Nothing here throws or waits. Output beyond the budget is dropped, counted and said in a line. Events of one stream
 * never go back in time.
 */
export class FunctionLog {
  readonly group: string;
  readonly format: Logging['format'];
  /** `YYYY/MM/DD/[version]<32 hexadecimal digits>`, the day in UTC. */
  readonly stream: string;

  readonly #parts: FunctionLogParts;
  readonly #key: LogStreamKey;
  readonly #out = new LogLines();
  readonly #err = new LogLines();
  /** Of all extensions together: they share one pipe. */
  readonly #extensions = new LogLines();
  readonly #frames = new LogFrames();
  readonly #budget: LogBudget;
  /** The least application level that passes; undefined under the text format: all do, and no line is parsed. */
  readonly #least: LogLevel | undefined;
  #tap: LogTap | undefined;
  #batch: { timestamp: number; message: string }[] = [];
  #batchCharacters = 0;
  #batchTimer: Timer | undefined;
  #lastTimestamp: number;
  #noticeAt = Number.NEGATIVE_INFINITY;
  #tail: LogTail | undefined;
  /** What the init phase wrote, for the tail of the invoke that comes after it. */
  #initTail: LogTail | undefined = new LogTail();
  #framePasses = true;

  constructor(parts: FunctionLogParts) {
    const { clock, logging } = parts;
    this.#parts = parts;
    this.#lastTimestamp = clock.now();
    const day = new Date(this.#lastTimestamp).toISOString().slice(0, 10).replaceAll('-', '/');
    this.group = logging.group;
    this.format = logging.format;
    this.stream = `${day}/[${parts.version}]${parts.ids.hex(32)}`;
    this.#key = { account: parts.account, region: parts.region, group: this.group, stream: this.stream };
    this.#budget = new LogBudget(clock.monotonic());
    this.#least = logging.format === 'JSON' ? (logging.applicationLevel ?? 'INFO') : undefined;
  }

  /** Whether anything becomes of events that have no text line: `runtimeDone` above all, which every invoke has. */
  get hearsAll(): boolean {
    return this.format === 'JSON' || this.#tap !== undefined;
  }

  /** From now on this one listens, and nobody else; undefined: nobody, which costs nothing. */
  listen(tap: LogTap | undefined): void {
    this.#tap = tap;
  }

  /**
   * Writes a platform event, where format and level have a line for it. Drain the pipes first: unfinished lines of the
   * function are given out before the events that close an invoke or an init. `timeMs` is epoch milliseconds.
   */
  platform(event: PlatformEvent, timeMs = this.#parts.clock.now()): void {
    if (event.type === 'end' || event.type === 'initReport' || event.type === 'report') this.flushLines();
    if (event.type === 'initStart') this.#initTail ??= this.#tail ? undefined : new LogTail();
    if (event.type === 'start') this.#initTail = undefined;
    this.#tap?.platform(event, timeMs);
    this.#write(event, timeMs);
  }

  /** A subscriber of telemetry lost records. Said to CloudWatch alone: who listens is told by its own delivery. */
  subscriberLost(droppedRecords: number, droppedBytes: number, reason: string): void {
    this.#write({ type: 'logsDropped', droppedBytes, droppedRecords, reason }, this.#parts.clock.now());
  }

  stdout(chunk: Uint8Array): void {
    this.#out.push(chunk, this.#takeLine, this.#skipped);
  }

  stderr(chunk: Uint8Array): void {
    this.#err.push(chunk, this.#takeLine, this.#skipped);
  }

  /** Output of extensions. Levels do not apply to it. */
  extension(chunk: Uint8Array): void {
    this.#extensions.push(chunk, this.#takeExtensionLine, this.#skipped);
  }

  /** Bytes of the framed log descriptor. */
  frames(chunk: Uint8Array): void {
    this.#frames.push(chunk, this.#takePiece);
    const skipped = this.#frames.takeSkippedBytes();
    if (skipped > 0) this.#budget.drop(skipped, 1);
  }

  /** Gives out the function's lines that still wait for their newline, and says what was dropped. */
  flushLines(): void {
    this.#out.flush(this.#takeLine);
    this.#err.flush(this.#takeLine);
    this.#sayDropped();
  }

  /** The processes are gone and their pipes drained: what they left unfinished is given out. New ones may follow. */
  exited(): void {
    this.#extensions.flush(this.#takeExtensionLine);
    this.#frames.end(this.#takePiece);
    const skipped = this.#frames.takeSkippedBytes();
    if (skipped > 0) this.#budget.drop(skipped, 1);
    this.flushLines();
  }

  /** Keeps the log of the invoke that is about to begin for endTail(). Call before its `start` event. */
  beginTail(): void {
    this.#tail = new LogTail();
    if (this.#initTail) this.#tail.pushAll(this.#initTail);
    this.#initTail = undefined;
  }

  /**
   * X-Amz-Log-Result: base64 of the last 4,096 bytes since beginTail(), what the function wrote during init and a failed
   * init's INIT_REPORT included. Under the JSON format of whole records. Empty when beginTail() was not called.
   */
  endTail(): string {
    const tail = this.#tail;
    this.#tail = undefined;
    return tail ? tail.bytes(this.#parts.logging.format === 'JSON').toString('base64') : '';
  }

  /** Hands what waits for company to the store. */
  flush(): void {
    this.#batchTimer?.cancel();
    this.#batchTimer = undefined;
    if (this.#batch.length === 0) return;
    const events = this.#batch;
    this.#batch = [];
    this.#batchCharacters = 0;
    this.#parts.store.append(this.#key, events);
  }

  /** The environment ends. */
  close(): void {
    this.exited();
    this.flush();
  }

  readonly #skipped = (bytes: number, lines: number): void => this.#budget.drop(bytes, lines);

  /** These three return false when the budget is spent. */
  readonly #takeLine = (line: Buffer): boolean => {
    if (!this.#passesBudget(line.length)) return false;
    const now = this.#parts.clock.now();
    const message = line.toString();
    this.#tap?.record('function', message, now);
    if (this.#least) {
      const judged = judgeLine(message, now);
      if (reaches(judged.level, this.#least)) this.#give(judged.message, now);
    } else this.#give(message, now);
    return true;
  };

  readonly #takeExtensionLine = (line: Buffer): boolean => {
    if (!this.#passesBudget(line.length)) return false;
    const now = this.#parts.clock.now();
    const message = line.toString();
    this.#tap?.record('extension', message, now);
    this.#give(message, now);
    return true;
  };

  readonly #takePiece = (piece: FramePiece): boolean => {
    const { head, message, bytes, first, last } = piece;
    if (!this.#passesBudget(bytes)) return false;
    if (bytes > 0) this.#tap?.record('function', message, Math.min(head.timeMs, this.#parts.clock.now()));
    // The first piece decides for the whole message.
    if (first) this.#framePasses = !this.#least || reaches(head.level ?? levelOfLine(message), this.#least);
    if (!this.#framePasses || bytes === 0) return true;
    this.#add(message, head.timeMs);
    this.#record(last && !message.endsWith('\n') ? `${message}\n` : message);
    return true;
  };

  #passesBudget(bytes: number): boolean {
    const { clock } = this.#parts;
    const now = clock.monotonic();
    if (!this.#budget.take(bytes, now)) return false;
    if (now - this.#noticeAt >= NOTICE_INTERVAL_MS) this.#sayDropped();
    return true;
  }

  #sayDropped(): void {
    const dropped = this.#budget.takeDropped();
    if (!dropped) return;
    this.#noticeAt = this.#parts.clock.monotonic();
    this.platform({ type: 'logsDropped', ...dropped, reason: DROP_REASON });
  }

  #write(event: PlatformEvent, timeMs: number): void {
    const line = formatPlatform(event, this.#parts.logging, timeMs);
    if (line === undefined) return;
    this.#add(line, timeMs);
    if (event.type !== 'initStart') this.#record(line);
  }

  #give(message: string, timeMs: number): void {
    this.#add(message, timeMs);
    this.#record(message);
  }

  #record(text: string): void {
    (this.#tail ?? this.#initTail)?.push(text);
  }

  /** A record's own time counts, unless it lies in the future or before what was already written. */
  #add(message: string, timeMs: number): void {
    const { clock } = this.#parts;
    this.#lastTimestamp = Math.max(this.#lastTimestamp, Math.min(timeMs, clock.now()));
    this.#batch.push({ timestamp: this.#lastTimestamp, message });
    this.#batchCharacters += message.length;
    if (this.#batch.length >= BATCH_EVENTS_MAX || this.#batchCharacters >= BATCH_CHARACTERS_MAX) this.flush();
    else this.#batchTimer ??= clock.after(BATCH_DELAY_MS, () => this.flush());
  }
}
