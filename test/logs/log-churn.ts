// A process for log-store-crash.test.ts: makes and deletes groups and streams in the directory of its first argument and
// prints a line before and after each change, until it is killed. Its second argument starts the choice of changes.
import { writeSync } from 'node:fs';
import { systemClock } from '../../src/base/clock.ts';
import { DiskLogStore } from '../../src/logs/disk-log-store.ts';
import { defaultSettings } from '../../src/logs/log-store.ts';

const [directory = '', seed = '1'] = process.argv.slice(2);
const store = new DiskLogStore({ directory, totalBytesMax: 1e8, clock: systemClock, onTrouble: () => {} });
const here = { account: '000000000000', region: 'us-east-1' };
let state = Number(seed);

function below(limit: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * limit);
}

/** Synchronous: what is printed has left this process when it is killed. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

async function change(): Promise<void> {
  const group = `g${below(4)}`;
  const stream = `s${below(3)}`;
  switch (below(6)) {
    case 0:
      say(`? group ${group}`);
      return say(`= group ${group} ${await store.createGroup({ ...here, group }, defaultSettings)}`);
    case 1:
      if (below(3) > 0) return;
      say(`? group ${group}`);
      return say(`= group ${group} ${await store.deleteGroup({ ...here, group })}`);
    case 2:
      say(`? stream ${group} ${stream}`);
      return say(`= stream ${group} ${stream} ${await store.deleteStream({ ...here, group, stream })}`);
    case 3: {
      const message = `m${below(1_000_000)}`;
      const event = { timestamp: systemClock.now(), message };
      return say(`= event ${group} ${stream} ${message} ${await store.put({ ...here, group, stream }, [event])}`);
    }
    default:
      say(`? stream ${group} ${stream}`);
      return say(`= stream ${group} ${stream} ${await store.createStream({ ...here, group, stream })}`);
  }
}

for (;;) await change();
