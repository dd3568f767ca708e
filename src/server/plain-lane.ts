import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { afterReading, READ_BYTES } from '../base/after-reading.ts';
import type { Clock } from '../base/clock.ts';
import { borrow } from '../base/let-go.ts';
import { readStraight } from '../base/read-straight.ts';
import { writeNow } from '../base/write-now.ts';
import { errorAnswer } from '../protocol/error-answer.ts';
import type { WireAnswer } from '../protocol/serialise.ts';
import { holdUnread, JOINED_BODY_BYTES_MAX, STALLED_MS_MAX } from './answer.ts';
import { AnswerHead } from './answer-head.ts';
import { type PlainRequest, readPlain } from './plain-request.ts';
import type { Leaving } from './request-context.ts';

/** The answer to a plain request. */
export interface PlainAnswer {
  readonly requestId: string;
  readonly answer: WireAnswer;
  /** It is the last one on its connection. */
  readonly close: boolean;
}

export interface PlainLaneOptions {
  readonly clock: Clock;
  readonly keepAliveMs: number;
  /** Never rejects. */
  readonly serve: (request: PlainRequest, socket: Socket, leaving: Leaving) => Promise<PlainAnswer>;
  /** Gives a connection to node:http, with what has been read of it and not been served. */
  readonly handOver: (socket: Socket, read: Buffer | undefined) => void;
  readonly log: (line: string) => void;
  /** A request begins, or is over: its answer has been written, or nobody is there for it. */
  readonly began: () => void;
  readonly ended: () => void;
}

const NOTHING = Buffer.alloc(0);

/** An answer that waits in memory until its client has read it. */
class LongAnswer extends EventEmitter {
  readonly socket: Socket;

  constructor(socket: Socket) {
    super();
    this.socket = socket;
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/**
 * Connections on which nothing but plain Invokes has come, one after the other: they go without the objects and streams
 * that node:http makes for each request, which cost more than all else that is done for it. What is anything else goes to
 * node:http, and its connection with it, for good.
 */
export class PlainLane {
  readonly #options: PlainLaneOptions;
  readonly #head: AnswerHead;
  readonly #connections = new Set<PlainConnection>();

  constructor(options: PlainLaneOptions) {
    this.#options = options;
    this.#head = new AnswerHead(options.clock, options.keepAliveMs);
  }

  accept(socket: Socket): void {
    const connection = new PlainConnection(socket, this.#options, this.#head, () =>
      this.#connections.delete(connection),
    );
    this.#connections.add(connection);
  }

  /** Looks after connections on which nothing comes; to be called at least every second. */
  look(sinceMs: number): void {
    for (const connection of this.#connections) connection.look(sinceMs);
  }

  /** Ends connections, those at work too. */
  closeAll(): void {
    for (const connection of this.#connections) connection.socket.destroy();
  }
}

class PlainConnection implements Leaving {
  readonly socket: Socket;
  readonly #options: PlainLaneOptions;
  readonly #head: AnswerHead;
  readonly #left: () => void;
  readonly #readNoMore: () => void;
  /** What has come behind the request that is served, or of one that is not whole. */
  #rest: Buffer | undefined;
  /** It has come in more than one piece. */
  #isJoined = false;
  /** What has come is taken when this turn's sockets have been read. */
  #isDue = false;
  #isServing = false;
  #hasServed = false;
  #idleMs = 0;

  constructor(socket: Socket, options: PlainLaneOptions, head: AnswerHead, left: () => void) {
    this.socket = socket;
    this.#options = options;
    this.#head = head;
    this.#left = left;
    this.#readNoMore = readStraight(socket, this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
  }

  get destroyed(): boolean {
    return this.socket.destroyed;
  }

  get writableFinished(): boolean {
    return !this.#isServing;
  }

  once(event: 'close', listener: () => void): void {
    // Before what is done here when it has come.
    this.socket.prependOnceListener(event, listener);
  }

  look(sinceMs: number): void {
    const { socket } = this;
    this.#idleMs += sinceMs;
    if (this.#isServing) {
      const isStalled = socket.writableLength > 0 && this.#idleMs > STALLED_MS_MAX;
      if (isStalled) socket.destroy();
      else if (socket.writableLength === 0) this.#idleMs = 0;
    } else if (this.#rest !== undefined || !this.#hasServed) this.#handOver(this.#rest);
    else if (this.#idleMs > this.#options.keepAliveMs) socket.destroy();
  }

  readonly #onData = (piece: Buffer): void => {
    this.#idleMs = 0;
    this.#isJoined = this.#rest !== undefined;
    this.#rest = this.#rest === undefined ? piece : Buffer.concat([this.#rest, piece]);
    // Answers go out in the order of the requests; what comes ahead of its turn is read no further.
    if (this.#isServing) this.socket.pause();
    else if (piece.length >= READ_BYTES) this.#takeRest();
    else if (!this.#isDue) {
      this.#isDue = true;
      afterReading(this.#takeRest);
    }
  };

  readonly #takeRest = (): void => {
    this.#isDue = false;
    const data = this.#rest;
    if (data === undefined || this.#isServing || this.socket.destroyed) return;
    this.#rest = undefined;
    this.#take(data, this.#isJoined);
  };

  #take(data: Buffer, isSecondPiece: boolean): void {
    const read = readPlain(data);
    if (read === undefined || (read === 'incomplete' && isSecondPiece)) this.#handOver(data);
    else if (read === 'incomplete') this.#rest = data;
    else {
      this.#isServing = true;
      this.#hasServed = true;
      if (read.bytes < data.length) this.#rest = data.subarray(read.bytes);
      this.#options.began();
      void this.#options.serve(read.request, this.socket, this).then(this.#answer);
    }
  }

  readonly #answer = ({ requestId, answer, close }: PlainAnswer): void => {
    const { socket } = this;
    if (socket.destroyed) return;
    this.#write(requestId, answer, close);
    if (close) socket.end(this.#next);
    else if (socket.writableLength === 0) this.#next();
    // Its callback comes behind all that waits; `drain` comes only where much does.
    else socket.write(NOTHING, this.#next);
  };

  #write(requestId: string, answer: WireAnswer, close: boolean): void {
    const { socket } = this;
    const { body } = answer;
    const isLong = body.byteLength > JOINED_BODY_BYTES_MAX;
    let head: Buffer;
    try {
      head = this.#head.join(requestId, answer, close, isLong);
    } catch (error) {
      this.#options.log(`${requestId}: ${error}`);
      head = this.#head.join(requestId, errorAnswer(error, requestId), close, false);
      writeNow(socket, head);
      return;
    }
    writeNow(socket, head);
    if (!isLong) return;
    const long = new LongAnswer(socket);
    holdUnread(long, body.byteLength, STALLED_MS_MAX);
    const giveBack = borrow(body);
    socket.write(body, () => {
      giveBack?.();
      long.emit('close');
    });
  }

  readonly #next = (): void => {
    if (!this.#isServing) return;
    this.#isServing = false;
    this.#options.ended();
    const rest = this.#rest;
    if (rest === undefined || this.socket.destroyed || this.socket.writableEnded) return;
    this.#rest = undefined;
    this.socket.resume();
    this.#take(rest, false);
  };

  #handOver(read: Buffer | undefined): void {
    const { socket } = this;
    this.#rest = undefined;
    this.#readNoMore();
    socket.off('end', this.#onEnd);
    socket.off('error', this.#onError);
    socket.off('close', this.#onClose);
    this.#left();
    this.#options.handOver(socket, read);
  }

  /** Half a connection is of no use to an answer. */
  readonly #onEnd = (): void => {
    this.socket.end();
  };

  readonly #onError = (): void => {
    this.socket.destroy();
  };

  readonly #onClose = (): void => {
    this.#left();
    if (this.#isServing) this.#options.ended();
    this.#isServing = false;
  };
}
