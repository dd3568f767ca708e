import type { LogStore, LogStreamKey } from '../../src/logs/log-store.ts';

/** Keeps what is appended, for tests that look at nothing else of a log store. */
export interface AppendedLog {
  readonly store: LogStore;
  readonly events: { readonly timestamp: number; readonly message: string }[];
  readonly keys: LogStreamKey[];
}

export function appendedLog(): AppendedLog {
  const log: AppendedLog = {
    events: [],
    keys: [],
    store: {
      append(key, events) {
        log.keys.push(key);
        log.events.push(...events);
      },
      put: async () => 'no group',
      groups: async () => [],
      group: async () => undefined,
      streams: async () => undefined,
      read: async () => undefined,
      createGroup: async () => 'full',
      changeGroup: async () => 'no group',
      deleteGroup: async () => 'no group',
      createStream: async () => 'no group',
      deleteStream: async () => 'no group',
      flush: async () => {},
      close: async () => {},
    },
  };
  return log;
}
