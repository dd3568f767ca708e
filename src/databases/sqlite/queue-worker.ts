/** The thread that owns the database of the event queue. */
import type { QueueOutcome, QueueRead, QueueWrite } from './queue-messages.ts';
import { beforeOpening, checkQueue, isDamage, mendQueue } from './queue-salvage.ts';
import { QueueTable, queueSteps } from './queue-table.ts';
import { serveDatabase } from './worker-service.ts';

const mending = { before: beforeOpening, check: checkQueue, isDamage, mend: mendQueue };

serveDatabase<QueueRead, QueueWrite, QueueOutcome>(
  queueSteps,
  (database) => {
    const table = new QueueTable(database);
    return {
      isWrite: (question): question is QueueWrite => !['due', 'lines', 'files'].includes(question.type),
      read: (question) => table.read(question),
      write: (question) => table.write(question),
    };
  },
  mending,
);
