import { memoryEventQueue } from '../support/memory-event-queue.ts';
import { eventQueueContract } from './event-queue.ts';

eventQueueContract('memory', async () => {
  const queue = memoryEventQueue();
  return { open: async () => queue.open(), remove: async () => {} };
});
