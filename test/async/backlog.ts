import { randomIds } from '../../src/base/ids.ts';
import { openDataFolder } from '../../src/databases/disk/data-folder.ts';
import { openEventPayloads } from '../../src/databases/disk/event-payloads.ts';
import { openSqliteQueue } from '../../src/databases/sqlite/event-queue.ts';
import { openSqliteMetadata } from '../../src/databases/sqlite/metadata.ts';
import { functionKey } from '../../src/functions/keys.ts';
import type { FunctionBody } from '../../src/functions/records.ts';

const PLACE = { account: '000000000000', region: 'us-east-1' };

/** Puts so many events of a function, each with its number, into the queue of a server that does not run. */
export async function fillBacklog(dataDir: string, functionName: string, events: number): Promise<void> {
  const folder = await openDataFolder(dataDir, randomIds);
  const metadata = await openSqliteMetadata({ path: folder.paths.database });
  const record = await metadata.get(functionKey(PLACE, functionName));
  const functionId = (record?.body as FunctionBody | undefined)?.functionId;
  const payloads = await openEventPayloads(folder.paths.events, randomIds);
  const queue = await openSqliteQueue({ path: folder.paths.eventDatabase, payloads });
  const nowMs = Date.now();
  const accept = (n: number) => {
    const detail = { requestId: randomIds.uuid(), functionId, traceHeader: 'Root=1-0', failures: 0, setbacks: 0 };
    const times = { bornMs: nowMs, dueMs: nowMs };
    const payload = Buffer.from(JSON.stringify(n));
    return queue.accept({ ...PLACE, functionName, lane: 'event', ...times, detail, payload });
  };
  for (let n = 0; n < events; n += 500) await Promise.all(Array.from({ length: 500 }, (_, at) => accept(n + at)));
  await queue.close();
  await metadata.close();
  await folder.close();
}
