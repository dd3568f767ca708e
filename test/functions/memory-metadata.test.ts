import { metadataContract } from '../contract/metadata.ts';
import { memoryMetadata } from '../support/memory-metadata.ts';

/** "Opened again" has the same records: what was closed is only the handle. */
metadataContract('in memory', async () => {
  const store = memoryMetadata();
  const open = async () => {
    let closed = false;
    const gated =
      <Args extends unknown[], T>(method: (...args: Args) => Promise<T>) =>
      async (...args: Args) => {
        if (closed) throw new Error('the metadata store is closed');
        return method(...args);
      };
    const close = async () => {
      closed = true;
    };
    return {
      get: gated(store.get),
      list: gated(store.list),
      scan: gated(store.scan),
      commit: gated(store.commit),
      close,
    };
  };
  return { open, remove: () => store.close() };
});
