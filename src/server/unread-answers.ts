import type { Socket } from 'node:net';

/** So much of answers may wait for their clients before those that take nothing are no longer waited for … */
export const UNREAD_BYTES_PRESSED = 256 * 1024 * 1024;
/** … longer than this … */
export const PRESSED_STALLED_MS = 2000;
/** … and so much may wait at all: beyond it the connection whose answer has waited longest is cut off. */
export const UNREAD_BYTES_MAX = 1024 * 1024 * 1024;
/** How often it is looked whether clients have taken anything. */
const LOOK_MS = 50;

export interface UnreadLimits {
  readonly pressedBytes: number;
  readonly bytesMax: number;
  readonly pressedStalledMs: number;
}

/** As node's ServerResponse: `close` comes when all of it is written or its connection is gone. */
export interface UnreadAnswer {
  readonly socket: Socket | null;
  once(event: 'close', listener: () => void): unknown;
  destroy(): unknown;
}

interface Waiting {
  readonly bytes: number;
  readonly stalledMs: number;
  /** What the kernel had not taken when it was looked last, and for how long it has been the same. */
  queuedBytes: number;
  sameMs: number;
}

/**
 * Answers that wait in memory until their clients have read them. One alone is bounded, thousands of them are a machine's
 * memory: when many wait, a client must read to keep its connection. What a client sends meanwhile is no sign of that, and
 * would be one for the time limit of node's sockets.
 */
export class UnreadAnswers {
  readonly #limits: UnreadLimits;
  /** In the order in which they began to wait. */
  readonly #waiting = new Map<UnreadAnswer, Waiting>();
  #bytes = 0;
  #looking: NodeJS.Timeout | undefined;

  constructor(limits: UnreadLimits) {
    this.#limits = limits;
  }

  /** Bytes that wait now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Counts an answer until all of it is written or its connection is gone, which it is after `stalledMs` without progress. */
  hold(response: UnreadAnswer, bytes: number, stalledMs: number): void {
    this.#waiting.set(response, { bytes, stalledMs, queuedBytes: -1, sameMs: 0 });
    this.#bytes += bytes;
    response.once('close', () => {
      this.#waiting.delete(response);
      this.#bytes -= bytes;
    });
    this.#looking ??= setInterval(() => this.#look(), LOOK_MS).unref();
    if (this.#bytes > this.#limits.bytesMax) this.#waiting.keys().next().value?.destroy();
  }

  #look(): void {
    const { pressedBytes, pressedStalledMs } = this.#limits;
    const patienceMs = this.#bytes > pressedBytes ? pressedStalledMs : Number.POSITIVE_INFINITY;
    for (const [response, waiting] of this.#waiting) {
      const queuedBytes = queuedBytesOf(response.socket);
      waiting.sameMs = queuedBytes === waiting.queuedBytes ? waiting.sameMs + LOOK_MS : 0;
      waiting.queuedBytes = queuedBytes;
      if (waiting.sameMs >= Math.min(waiting.stalledMs, patienceMs)) response.destroy();
    }
    if (this.#waiting.size > 0) return;
    clearInterval(this.#looking);
    this.#looking = undefined;
  }
}

/** What the kernel has not taken yet. Node tells it to nobody but its own sockets, which look here too. */
function queuedBytesOf(socket: Socket | null): number {
  const handle = (socket as { _handle?: { writeQueueSize?: number } | null } | null)?._handle;
  return handle?.writeQueueSize ?? 0;
}
