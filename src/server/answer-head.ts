import { STATUS_CODES } from 'node:http';
import type { Clock } from '../base/clock.ts';
import type { WireAnswer } from '../protocol/serialise.ts';

const SECOND_MS = 1000;
const NO_CONTENT = 204;
/** What node:http refuses in the value of a header too. */
const FORBIDDEN = /[^\t\x20-\x7e\x80-\xff]/;

/** Answers as node:http writes them, byte for byte. */
export class AnswerHead {
  readonly #clock: Clock;
  readonly #keepAliveSeconds: number;
  #second = Number.NaN;
  #end = '';

  constructor(clock: Clock, keepAliveMs: number) {
    this.#clock = clock;
    this.#keepAliveSeconds = Math.floor(keepAliveMs / SECOND_MS);
  }

  /** Head and body in one, or the head alone. Throws when a header cannot be sent. */
  join(requestId: string, { status, headers, body }: WireAnswer, close: boolean, isAlone: boolean): Buffer {
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nx-amzn-RequestId: ${requestId}\r\n`;
    for (let at = 0; at < headers.length; at += 2) {
      const value = headers[at + 1] as string;
      if (FORBIDDEN.test(value)) throw new Error(`invalid character in the header ${headers[at]} of an answer`);
      head += `${headers[at]}: ${value}\r\n`;
    }
    const bytes = body.byteLength;
    if (status !== NO_CONTENT) head += `Content-Length: ${bytes}\r\n`;
    head += close ? `Connection: close\r\n${this.#date()}\r\n` : `${this.#date()}${this.#keepAlive}\r\n`;
    if (isAlone) return Buffer.from(head, 'latin1');
    const joined = Buffer.allocUnsafe(head.length + bytes);
    joined.write(head, 0, 'latin1');
    joined.set(body, head.length);
    return joined;
  }

  get #keepAlive(): string {
    return `Connection: keep-alive\r\nKeep-Alive: timeout=${this.#keepAliveSeconds}\r\n`;
  }

  #date(): string {
    const second = Math.floor(this.#clock.now() / SECOND_MS);
    if (second !== this.#second) {
      this.#second = second;
      this.#end = `Date: ${new Date(second * SECOND_MS).toUTCString()}\r\n`;
    }
    return this.#end;
  }
}
