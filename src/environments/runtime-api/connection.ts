import type { Socket } from 'node:net';
import { writeNow } from '../../base/write-now.ts';

/**
 * One connection of a function's process: its answers in the order of its requests, whatever their order in time.
 *
 * A poll keeps its place until it is answered, and what was asked behind it waits. The other side is a stranger's
 * process: how much may wait is bounded, and who does not read answers gets no more of them.
 */

/** Answers that may wait behind an unanswered poll. */
const BLOCKED_MAX = 256;
/** Answers that the other side has not read yet; beyond this its requests wait. Events are not counted: one at a time. */
const UNREAD_BYTES_MAX = 1_048_576;
/** Up to here copying parts together is cheaper than writing them one by one. */
const JOINED_BYTES_MAX = 16_384;

export class Connection {
  readonly socket: Socket;
  /** In order, to be written together. */
  #ready: Uint8Array[] = [];
  /** Begins with an unanswered poll, if there is one. */
  readonly #blocked: (Uint8Array | Poll)[] = [];
  #isHeld = false;

  constructor(socket: Socket) {
    this.socket = socket;
  }

  /** Something that was asked for is not answered yet. */
  get isBlocked(): boolean {
    return this.#blocked.length > 0;
  }

  answer(bytes: Uint8Array): void {
    if (this.#blocked.length === 0) this.#ready.push(bytes);
    else this.#block(bytes);
  }

  /**
   * The place of an answer that comes later. What was answered before it and is not written yet waits for it when
   * `carriesAnswers`: one write for both.
   */
  poll(carriesAnswers: boolean): Poll {
    const poll = new Poll(this, carriesAnswers);
    this.#block(poll);
    return poll;
  }

  /** Writes what is ready, unless a poll will carry it. */
  flush(): void {
    const first = this.#blocked[0];
    if (first instanceof Poll && first.carriesAnswers) return;
    this.#write();
    if (this.socket.writableLength > UNREAD_BYTES_MAX) this.socket.pause();
  }

  /** Reads no more until release(): who takes what the other side sends has no room. */
  hold(): void {
    this.#isHeld = true;
    this.socket.pause();
  }

  release(): void {
    this.#isHeld = false;
    this.resume();
  }

  /** The other side has read its answers. */
  resume(): void {
    if (!this.#isHeld && this.socket.writableLength <= UNREAD_BYTES_MAX) this.socket.resume();
  }

  /** Writes all that is ready, and `last`, and ends. */
  end(last: Uint8Array): void {
    this.#write();
    this.socket.end(last);
  }

  /** For polls: one of them was answered. */
  advance(): void {
    for (let first = this.#blocked[0]; first !== undefined; first = this.#blocked[0]) {
      if (!(first instanceof Poll)) this.#ready.push(first);
      else if (first.head === undefined) break;
      else {
        this.#ready.push(first.head);
        if (first.body !== undefined) this.#ready.push(first.body);
      }
      this.#blocked.shift();
    }
    this.#write();
  }

  #block(entry: Uint8Array | Poll): void {
    this.#blocked.push(entry);
    if (this.#blocked.length > BLOCKED_MAX) this.socket.destroy();
  }

  #write(): void {
    const parts = this.#ready;
    if (parts.length === 0) return;
    this.#ready = [];
    const last = parts[parts.length - 1] as Uint8Array;
    if (last.length <= JOINED_BYTES_MAX) writeNow(this.socket, parts.length === 1 ? last : Buffer.concat(parts));
    else {
      this.socket.cork();
      for (const part of parts) this.socket.write(part);
      this.socket.uncork();
    }
  }
}

export class Poll {
  readonly connection: Connection;
  readonly carriesAnswers: boolean;
  head: Uint8Array | undefined;
  body: Uint8Array | undefined;

  constructor(connection: Connection, carriesAnswers: boolean) {
    this.connection = connection;
    this.carriesAnswers = carriesAnswers;
  }

  /** At most once. Without effect when the connection is gone. */
  answer(head: Uint8Array, body?: Uint8Array): void {
    this.head = head;
    this.body = body;
    if (!this.connection.socket.destroyed) this.connection.advance();
  }
}
