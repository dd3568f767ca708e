import type { Worker } from 'node:worker_threads';
import type { Clock } from '../../base/clock.ts';
import { type Deferred, deferred } from '../../base/deferred.ts';
import { RevisionConflict, StoreFull } from '../../store/metadata.ts';
import type { Failure, FailureOutcome, FromWorker, Numbered, ToWorker } from './messages.ts';

/** Questions without an answer; one more is refused. */
export const WAITING_MAX = 10_000;

/** How long the worker may take to finish what waits and to close the database. */
const CLOSE_MS_MAX = 30_000;

/** The main thread's end: numbers the questions, sends those of one turn together, hands out the answers. */
export class WorkerLink<Question, Outcome> {
  readonly #worker: Worker;
  /** As errors name it: `metadata store PATH`. */
  readonly #name: string;
  readonly #clock: Clock;
  readonly #waiting = new Map<number, Deferred<Outcome | FailureOutcome>>();
  readonly #opened = deferred<string | undefined>();
  readonly #ended = deferred<void>();
  #unsent: Numbered<Question>[] = [];
  #lastNumber = 0;
  #closed = false;
  #dead: Error | undefined;

  constructor(worker: Worker, name: string, clock: Clock) {
    this.#worker = worker;
    this.#name = name;
    this.#clock = clock;
    worker.on('message', (message: FromWorker<Outcome>) => this.#hear(message));
    worker.on('messageerror', (error) => this.#die(error.message));
    worker.on('error', (error) => this.#die(error instanceof Error ? error.message : String(error)));
    worker.on('exit', (code) => {
      this.#die(`exit code ${code}`);
      this.#ended.resolve();
    });
  }

  /** Settles when the database is open, with what is to be said of it, or was refused; then the worker is gone. */
  async opened(): Promise<string | undefined> {
    try {
      return await this.#opened.promise;
    } catch (error) {
      this.#closed = true;
      await this.#worker.terminate();
      throw error;
    }
  }

  /** Rejects with RevisionConflict, StoreFull, or a plain Error. */
  async ask(question: Question): Promise<Outcome> {
    if (this.#dead) throw this.#dead;
    if (this.#closed) throw new Error(`the ${this.#name} is closed`);
    if (this.#waiting.size >= WAITING_MAX) throw new Error(`the ${this.#name} has ${WAITING_MAX} requests waiting`);
    const number = ++this.#lastNumber;
    const answer = deferred<Outcome | FailureOutcome>();
    this.#waiting.set(number, answer);
    if (this.#unsent.length === 0) queueMicrotask(() => this.#send());
    this.#unsent.push({ number, question });
    const outcome = await answer.promise;
    if (isFailure(outcome)) throw this.#errorOf(outcome.failure);
    return outcome;
  }

  /** Takes no more questions, lets the worker answer those that wait, and resolves when it is gone. */
  async close(): Promise<void> {
    if (!this.#closed && !this.#dead) {
      this.#closed = true;
      this.#send(true);
    }
    const timer = this.#clock.after(CLOSE_MS_MAX, () => void this.#worker.terminate());
    await this.#ended.promise;
    timer.cancel();
  }

  #send(close = false): void {
    const questions = this.#unsent;
    this.#unsent = [];
    if (this.#dead || (questions.length === 0 && !close)) return;
    this.#worker.postMessage({ questions, close } satisfies ToWorker<Question>);
  }

  #hear(message: FromWorker<Outcome>): void {
    if (message.type === 'opened') this.#opened.resolve(message.said);
    else if (message.type === 'refused') this.#opened.reject(this.#errorOf(message.failure));
    else
      for (const { number, outcome } of message.answers) {
        this.#waiting.get(number)?.resolve(outcome);
        this.#waiting.delete(number);
      }
  }

  #die(reason: string): void {
    if (this.#dead) return;
    this.#dead = new Error(`the thread of the ${this.#name} ended: ${reason}`);
    if (this.#closed && this.#waiting.size === 0) this.#dead = new Error(`the ${this.#name} is closed`);
    this.#opened.reject(this.#dead);
    for (const answer of this.#waiting.values()) answer.reject(this.#dead);
    this.#waiting.clear();
  }

  #errorOf(failure: Failure): Error {
    if (failure.type === 'conflict') return new RevisionConflict(failure.key);
    const message = `${this.#name}: ${failure.message}`;
    return failure.type === 'full' ? new StoreFull(message) : new Error(message);
  }
}

function isFailure(outcome: unknown): outcome is FailureOutcome {
  return (outcome as { readonly type?: unknown }).type === 'failure';
}
