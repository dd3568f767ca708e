/**
 * A thread that owns a database. It takes all questions that wait, answers the reads, and makes the writes together; so
 * however many callers write at once, each round costs one sync.
 *
 * Reads come before the writes of their round, because inside the transaction they would see what may yet be taken
 * back. A read that is asked after a write was acknowledged is always in a later round and sees it.
 */
import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { commitTogether, failureOf } from './group-commit.ts';
import type { Answer, FailureOutcome, FromWorker, Numbered, ToWorker, WorkerSettings } from './messages.ts';
import { migrate } from './schema.ts';

const WRITES_PER_TRANSACTION_MAX = 256;

/** One drain; what waits beyond it is taken in the next. */
const MESSAGES_PER_ROUND_MAX = 1024;

const BUSY_TIMEOUT_MS = 1000;

/** After a burst the write-ahead log is cut back to this. */
const LOG_BYTES_KEPT = 16_777_216;

/** What the questions of one kind of database mean. */
export interface Service<Read, Write, Outcome> {
  isWrite(question: Read | Write): question is Write;
  read(question: Read): Outcome;
  /** Inside a transaction, which takes back what it has done when it throws. */
  write(question: Write): Outcome;
}

/** What is done about a database that is found to be damaged when it is opened. */
export interface Mending {
  before(path: string): void;
  check(database: DatabaseSync, path: string): void;
  isDamage(error: unknown): boolean;
  /** Returns what is to be said of it, in one line. */
  mend(path: string, damage: unknown): string;
}

const port = parentPort as MessagePort;

/** Opens the database that the thread was made for, brings it to the newest schema, and answers until it is closed. */
export function serveDatabase<Read, Write, Outcome>(
  schemaSteps: readonly string[],
  serviceOf: (database: DatabaseSync) => Service<Read, Write, Outcome>,
  mending?: Mending,
): void {
  try {
    const { path } = workerData as WorkerSettings;
    const { database, said } = openWhole(path, schemaSteps, mending);
    serve(database, serviceOf(database), said);
  } catch (error) {
    tell({ type: 'refused', failure: failureOf(error) });
  }
}

function openWhole(
  path: string,
  schemaSteps: readonly string[],
  mending: Mending | undefined,
): { readonly database: DatabaseSync; readonly said?: string } {
  try {
    mending?.before(path);
    return { database: open(path, schemaSteps, mending?.check) };
  } catch (error) {
    if (mending === undefined || !mending.isDamage(error)) throw error;
    const said = mending.mend(path, error);
    return { database: open(path, schemaSteps), said };
  }
}

function open(path: string, schemaSteps: readonly string[], check?: Mending['check']): DatabaseSync {
  // SQLite gives the files beside it the same mode: nobody else reads what functions are configured with.
  closeSync(openSync(path, 'a', 0o600));
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
  try {
    // One connection owns the file: exclusive locking spares the shared-memory file, which a full disk could not grow.
    database.exec('PRAGMA locking_mode = EXCLUSIVE');
    const mode = database.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode'];
    if (mode !== 'wal') throw new Error(`it cannot have a write-ahead log (journal mode ${mode})`);
    database.exec('PRAGMA synchronous = FULL');
    // On macOS a plain fsync leaves the bytes in the drive's cache; elsewhere these two do nothing.
    database.exec('PRAGMA fullfsync = 1');
    database.exec('PRAGMA checkpoint_fullfsync = 1');
    database.exec(`PRAGMA journal_size_limit = ${LOG_BYTES_KEPT}`);
    migrate(database, schemaSteps);
    check?.(database, path);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function serve<Read, Write, Outcome>(
  database: DatabaseSync,
  service: Service<Read, Write, Outcome>,
  said: string | undefined,
): void {
  port.on('message', (first: ToWorker<Read | Write>) => {
    const { questions, close } = takeWaiting(first);
    answerAll(database, service, questions);
    if (!close) return;
    database.close();
    port.close();
  });
  tell({ type: 'opened', said });
}

function takeWaiting<Question>(first: ToWorker<Question>): {
  questions: readonly Numbered<Question>[];
  close: boolean;
} {
  const questions = [...first.questions];
  let close = first.close === true;
  for (let taken = 1; taken < MESSAGES_PER_ROUND_MAX; taken++) {
    const next = receiveMessageOnPort(port) as { message: ToWorker<Question> } | undefined;
    if (next === undefined) break;
    for (const question of next.message.questions) questions.push(question);
    close ||= next.message.close === true;
  }
  return { questions, close };
}

function answerAll<Read, Write, Outcome>(
  database: DatabaseSync,
  service: Service<Read, Write, Outcome>,
  questions: readonly Numbered<Read | Write>[],
): void {
  const reads: Answer<Outcome>[] = [];
  const writes: Numbered<Write>[] = [];
  for (const { number, question } of questions)
    if (service.isWrite(question)) writes.push({ number, question });
    else reads.push({ number, outcome: readOrFail(service, question as Read) });
  answer(reads);
  for (let start = 0; start < writes.length; start += WRITES_PER_TRANSACTION_MAX) {
    const group = writes.slice(start, start + WRITES_PER_TRANSACTION_MAX);
    const outcomes = commitTogether(
      database,
      group.map(({ question }) => question),
      (question) => service.write(question),
    );
    answer(group.map(({ number }, index) => ({ number, outcome: outcomes[index] as Outcome | FailureOutcome })));
  }
}

function readOrFail<Read, Outcome>(
  service: Service<Read, never, Outcome> | Service<Read, unknown, Outcome>,
  question: Read,
): Outcome | FailureOutcome {
  try {
    return service.read(question);
  } catch (error) {
    return { type: 'failure', failure: failureOf(error) };
  }
}

function answer<Outcome>(answers: readonly Answer<Outcome>[]): void {
  if (answers.length > 0) tell({ type: 'answers', answers });
}

function tell<Outcome>(message: FromWorker<Outcome>): void {
  port.postMessage(message);
}
