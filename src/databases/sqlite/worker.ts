/**
 * The thread that owns the database. It takes all questions that wait, answers the reads, and makes the commits
 * together; so however many callers commit at once, each round costs one sync.
 *
 * Reads come before the commits of their round, because inside the transaction they would see what may yet be taken
 * back. A read that is asked after a commit was acknowledged is always in a later round and sees it.
 */
import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { commitTogether, failureOf } from './group-commit.ts';
import type {
  Answer,
  CommitQuestion,
  FromWorker,
  Numbered,
  Outcome,
  ReadQuestion,
  ToWorker,
  WorkerSettings,
} from './messages.ts';
import { RecordTable } from './record-table.ts';
import { migrate } from './schema.ts';

const COMMITS_PER_TRANSACTION_MAX = 256;

/** One drain; what waits beyond it is taken in the next. */
const MESSAGES_PER_ROUND_MAX = 1024;

const BUSY_TIMEOUT_MS = 1000;

/** After a burst the write-ahead log is cut back to this. */
const LOG_BYTES_KEPT = 16_777_216;

const port = parentPort as MessagePort;

function open(path: string): DatabaseSync {
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
    migrate(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function serve(database: DatabaseSync): void {
  const table = new RecordTable(database);
  port.on('message', (first: ToWorker) => {
    const { questions, close } = takeWaiting(first);
    answerAll(database, table, questions);
    if (!close) return;
    database.close();
    port.close();
  });
  tell({ type: 'opened' });
}

function takeWaiting(first: ToWorker): { questions: readonly Numbered[]; close: boolean } {
  const questions = [...first.questions];
  let close = first.close === true;
  for (let taken = 1; taken < MESSAGES_PER_ROUND_MAX; taken++) {
    const next = receiveMessageOnPort(port) as { message: ToWorker } | undefined;
    if (next === undefined) break;
    for (const question of next.message.questions) questions.push(question);
    close ||= next.message.close === true;
  }
  return { questions, close };
}

function answerAll(database: DatabaseSync, table: RecordTable, questions: readonly Numbered[]): void {
  const reads = questions.filter((each): each is Numbered<ReadQuestion> => each.question.type !== 'commit');
  answer(reads.map(({ number, question }) => ({ number, outcome: read(table, question) })));
  const commits = questions.filter((each): each is Numbered<CommitQuestion> => each.question.type === 'commit');
  for (let start = 0; start < commits.length; start += COMMITS_PER_TRANSACTION_MAX) {
    const group = commits.slice(start, start + COMMITS_PER_TRANSACTION_MAX);
    const outcomes = commitTogether(
      database,
      table,
      group.map(({ question }) => question.changes),
    );
    answer(group.map(({ number }, index) => ({ number, outcome: outcomes[index] as Outcome })));
  }
}

function read(table: RecordTable, question: ReadQuestion): Outcome {
  try {
    return { type: 'rows', rows: table.read(question) };
  } catch (error) {
    return { type: 'failure', failure: failureOf(error) };
  }
}

function answer(answers: readonly Answer[]): void {
  if (answers.length > 0) tell({ type: 'answers', answers });
}

function tell(message: FromWorker): void {
  port.postMessage(message);
}

try {
  serve(open((workerData as WorkerSettings).path));
} catch (error) {
  tell({ type: 'refused', failure: failureOf(error) });
}
