/** The thread that owns the database of records. */
import type { CommitQuestion, Outcome, ReadQuestion } from './messages.ts';
import { RecordTable } from './record-table.ts';
import { recordSteps } from './schema.ts';
import { serveDatabase } from './worker-service.ts';

serveDatabase<ReadQuestion, CommitQuestion, Outcome>(recordSteps, (database) => {
  const table = new RecordTable(database);
  return {
    isWrite: (question): question is CommitQuestion => question.type === 'commit',
    read: (question) => ({ type: 'rows', rows: table.read(question) }),
    write: ({ changes }) => ({ type: 'revisions', revisions: changes.map((change) => table.apply(change)) }),
  };
});
