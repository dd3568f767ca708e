import { after, before, describe } from 'node:test';
import { openPostgresMetadata } from '../../src/databases/postgres/metadata.ts';
import { sealedQueue } from '../../src/databases/sealed-queue.ts';
import type { EventQueue } from '../../src/store/event-queue.ts';
import { type PrivatePostgres, startPostgres, withoutPostgres } from '../support/postgres.ts';
import { eventQueueContract } from './event-queue.ts';

let postgres: PrivatePostgres;
let databases = 0;

async function makeHome() {
  const url = await postgres.createDatabase(`queue_${++databases}`);
  const open = async (): Promise<EventQueue> => {
    const metadata = await openPostgresMetadata({ url, onTakenOver: () => {} });
    const { events } = metadata;
    return {
      ...events,
      async close() {
        await events.close();
        await metadata.close();
      },
    };
  };
  return { open, remove: async () => {} };
}

describe('PostgreSQL', { skip: withoutPostgres }, () => {
  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres.remove());

  eventQueueContract('postgres', makeHome);
  eventQueueContract('postgres, sealed', async () => {
    const { open, remove } = await makeHome();
    return { open: async () => sealedQueue(await open(), Buffer.alloc(32, 7)), remove };
  });
});
