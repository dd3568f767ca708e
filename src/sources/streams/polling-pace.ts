import type { SourceKind } from '../source-kind.ts';
import type { ReadAnswer } from '../source-port.ts';

/** How often a shard is asked while it has nothing new (lambda-facts 8.3): Kinesis once a second, DynamoDB four times. */
const POLL_MS: Partial<Record<SourceKind, number>> = { kinesis: 1_000, dynamodb: 250 };
const POLL_MS_DEFAULT = 1_000;
/** A shard that stays empty is asked less often: after so many empty answers, half as often, down to once in two seconds. */
const EMPTY_ANSWERS_PATIENCE = 60;
const DOUBLINGS_MAX = 3;
const IDLE_MS_MAX = 2_000;
/** While there is more to come the next read follows at once; behind a gap in the stream a little later. */
const GAP_MS = 200;
const TROUBLE_FIRST_MS = 500;
const TROUBLE_MS_MAX = 30_000;

/** How long to wait between two reads of one shard. */
export class PollingPace {
  readonly #pollMs: number;
  #emptyAnswers = 0;
  #troubles = 0;

  constructor(kind: SourceKind) {
    this.#pollMs = POLL_MS[kind] ?? POLL_MS_DEFAULT;
  }

  /** Milliseconds until the next read. `isFull`: it brought as many records as were asked for. */
  afterRead({ records, behindMs }: ReadAnswer, isFull: boolean): number {
    this.#troubles = 0;
    if (records.length > 0) {
      this.#emptyAnswers = 0;
      return behindMs === 0 && !isFull ? this.#pollMs : 0;
    }
    if (behindMs !== undefined && behindMs > 0) return GAP_MS;
    const doublings = Math.floor(++this.#emptyAnswers / EMPTY_ANSWERS_PATIENCE);
    return Math.min(this.#pollMs * 2 ** Math.min(doublings, DOUBLINGS_MAX), IDLE_MS_MAX);
  }

  /** The service could not answer, or asked for patience. */
  afterTrouble(): number {
    return Math.min(TROUBLE_FIRST_MS * 2 ** this.#troubles++, TROUBLE_MS_MAX);
  }
}
