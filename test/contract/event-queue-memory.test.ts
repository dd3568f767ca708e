import { sealedQueue } from '../../src/databases/sealed-queue.ts';
import { memoryEventQueue } from '../support/memory-event-queue.ts';
import { eventQueueContract } from './event-queue.ts';

eventQueueContract('memory', async () => {
  const queue = memoryEventQueue();
  return { open: async () => queue.open(), remove: async () => {} };
});

eventQueueContract('memory, sealed', async () => {
  const queue = memoryEventQueue();
  return { open: async () => sealedQueue(queue.open(), Buffer.alloc(32, 7)), remove: async () => {} };
});
